"""Events from Redis into rings, once for all readers of a symbol.

- `follower` waits for new events with `wake`, has each node read by its `node_workers`, and once a
  second makes a `sweep` over all of them.
- `ring_feed` reads the streams and appends what it read to the rings in the `ring_registry`.
- `ring` is one symbol's events as SSE, a `event_log` whose bytes count in the `buffer`.
- `join_points` start rings, and are where readers join them.
- `age_watch` tells readers when a book is stale, by an event of the api's own (`api_events`).
"""
