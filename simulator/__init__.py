"""A simulator of the venues: their WebSockets, their REST, and faults.

In the order of a request and of the frames that answer it:

- `options` parses the command line; `program` builds the parts and runs them.
- `server` accepts connections, and answers plain GETs with `rest_desk`. Each connection has a
  `client` with a session, and a `send_queue` of frames.
- `protocols/` has a folder for each venue, without I/O. A session subscribes to the books of:
- `market/`, the synthetic markets; the same seed makes the same moves;
- `recording/`, recorded frames.
- `wire` renders numbers and times, and packs text into frames.

Faults, from `--fault` or from `control`, the HTTP port:

- `faults/` declares and parses them, and keeps the active ones.
- `injector` applies each to the connections or to a market.

Imports go one way: program, control, injector, server, client, send_queue, recording, protocols,
market, then faults and wire. No venue's folder imports that of another.

The package shares no code with `kraken_book`, which is tested against it: one mistake cannot hide
in both.
"""
