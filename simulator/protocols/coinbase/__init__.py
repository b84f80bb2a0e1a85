"""Coinbase Advanced Trade from the server's side, without I/O.

- `pairs` has the products, their increments and their aliases.
- `frames` renders numbers and frames.
- `listing` sends the moves of one market to the sessions.
- `session` answers one client and numbers all its frames.
- `products` answers REST requests.
- `protocol` is the venue as the server sees it.
"""
