"""Binance spot from the server's side, without I/O.

- `pairs` has the symbols, one of them not in ASCII.
- `frames` renders numbers, diffs and the messages of the streams.
- `listing` counts the changes of one market, and collects them into diffs.
- `session` answers one client, and has its streams.
- `weights` counts the weight of REST requests.
- `rest_api` answers REST requests.
- `protocol` is the venue as the server sees it.
"""
