"""Events from a log to one reader's socket.

- `streams` looks after all open streams; each `stream` writes what its cursor has to its
  `stream_socket`, and measures the `latency` of some events.
- `cursor` is a reader's place in a log, with the states of `openers`.
- `book_opener` opens and resumes in one book's ring, `channel_opener` in a channel of many books,
  where each book may have a `backlog`.
- `stream_start` makes the cursor of a request, or waits until there can be one.
"""
