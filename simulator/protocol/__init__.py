"""Kraken's WebSocket v2 from the server's side, without I/O.

- `instruments` describes pairs and renders frames of the `instrument` channel.
- `wire` renders numbers, times, checksums and frames of the `book` channel, and packs text into
  WebSocket frames.
- `requests` decodes requests and keeps the latest ones.
- `replies` renders the answers.
- `feed` is the interface between a session and a source of book frames.
- `session` answers one client's requests.

Prices are integers of ticks and quantities integers of lots until `wire` renders them.
"""
