"""Events from Redis into rings, once for all readers of a symbol.

- `follower` waits for new events with `wake`, has each node read by its `node_workers`, and once a
  second makes a `sweep` over all of them.
- `ring_feed` reads the streams and appends what it read to the rings in the `ring_registry`.
- `ring` is one symbol's events, a `frame_log` whose bytes count in the process's `buffer`.
- `join_points` start rings, and are where readers join them.
- `age_watch` tells readers how old books are; `api_events` has the events as SSE.
"""
