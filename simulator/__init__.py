"""A stand-in for Kraken's WebSocket v2: the `book` and `instrument` channels, without Kraken.

In the order of a request and of the frames that answer it:

- `options` parses the command line; `program` builds the parts and runs them.
- `server` accepts sockets. Each is a `client` with a session, and a `send_queue` of its frames.
- `protocol/` is Kraken's protocol without I/O; it asks a feed for books. There are two feeds:
- `market/` makes synthetic markets, which a seed moves the same way each time;
- `recording/` plays recorded frames.

Faults, from `--fault` or from `control`, the HTTP port:

- `faults/` declares and parses them, and keeps those that are on.
- `injector` applies each to the connections or to a market.

Imports go one way: program, control, injector, server, client, send_queue, then market and
recording, then protocol, then faults.

Nothing here comes from `kraken_book`: the library is tested against this package, and a mistake
that both shared would stay hidden.
"""
