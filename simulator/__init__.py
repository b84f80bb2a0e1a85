"""A simulator of Kraken's WebSocket v2: its `book` and `instrument` channels, and faults.

In the order of a request and of the frames that answer it:

- `options` parses the command line; `program` builds the parts and runs them.
- `server` accepts connections. Each has a `client` with a session, and a `send_queue` of frames.
- `protocol/` is Kraken's protocol without I/O. A session subscribes to the books of a feed:
- `market/` is a feed of synthetic markets; the same seed makes the same moves;
- `recording/` is a feed of recorded frames.

Faults, from `--fault` or from `control`, the HTTP port:

- `faults/` declares and parses them, and keeps the active ones.
- `injector` applies each to the connections or to a market.

Imports go one way: program, control, injector, server, client, send_queue, then market and
recording, then protocol, then faults.

The package shares no code with `kraken_book`, which is tested against it: one mistake cannot hide
in both.
"""
