"""Readers of streams, each for one purpose.

They are independent witnesses: they read events without code of the product, except `client_reader`
and `record`, which check the Python client.

- `stream` reads one open stream block by block; the next four build on it.
- `watch` checks and keeps every event of a stream, for a test that waits for events.
- `many_books` follows many books on one stream, and can resume at another address.
- `roaming` joins, leaves and resumes at random, and accounts for every seq.
- `follower` checks many symbols in a separate process, and prints counts at the end.
- `client_reader` follows books with the Python client and checks them against `lab.ladder`;
  `record` and `account` keep its observations.
- `checking_crowd` runs thousands of readers that check only the seq of events.
- `timing_crowd` runs readers in separate processes that measure delays (`timing`).
- `counting` runs readers in a separate process that only count events, at the least cost.
- `frozen` opens streams that are never read.
"""
