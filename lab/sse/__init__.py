"""Readers of streams, each for one purpose.

- `stream`: one open stream, block by block; the base of the next four.
- `watch`: one stream, every event checked and kept, for a test that waits for events.
- `many_books`: one stream of many books that goes on at another address, as a page does.
- `roaming`: joins, leaves and resumes at random, and accounts for every number.
- `follower`: many symbols in a process of its own, every event checked, counts in the end.
- `client_reader`: reads with the Python client and checks it against the witness; `record` and
  `account` keep what it saw.
- `checking_crowd`: thousands of readers that check only the numbers.
- `timing_crowd`: readers in processes of their own that measure delays (`timing`).
- `counting`: readers in a process of their own that only count, and cost the least.
- `frozen`: clients that ask for a stream and read nothing.
"""
