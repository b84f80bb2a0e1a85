"""Bitfinex v2 from the server's side, without I/O.

- `pairs` has the pairs, with long names and a test pair.
- `numbers` renders numbers as JavaScript does.
- `rounded_book` is the book at five significant digits, its checksum and its changes.
- `listing` sends the changes of one market's windows to the channels.
- `channel` is one subscription; `session` answers one client and numbers its messages.
- `rest_api` answers REST requests.
- `protocol` is the venue as the server sees it.
"""
