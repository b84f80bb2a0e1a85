"""Write the events of a log to one reader's socket.

- `streams` keeps all open streams alive. Each `stream` writes the events of its cursor to its
  `stream_socket`, and measures the `latency` of some of them.
- `cursor` is a reader's place in a log; `openers` has its states.
- `book_opener` opens and resumes in the ring of one book, `channel_opener` in a channel, with a
  `backlog` for each book.
- `stream_start` creates the cursor of a request, or waits until that is possible.
"""
