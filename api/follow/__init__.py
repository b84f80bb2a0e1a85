"""Read events from Redis into rings, once for all readers of a symbol.

- `followers` runs a follower for each venue. The `follower` waits for new events with `wake`, reads
  each node in a task of `node_workers`, and makes a `sweep` over all of them every second. All of
  them report their errors to `outages`.
- `ring_feed` reads the streams and appends the events to the rings in the `ring_registry`.
- `ring` has one symbol's events as SSE. It is an `event_log`; its bytes count in the `buffer`.
- `join_points` starts rings and finds the index at which a reader joins one.
- `age_watch` appends a status to a ring when its book becomes stale. `api_events` renders the
  events that the api adds itself.
"""
