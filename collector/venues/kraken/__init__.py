"""Kraken's WebSocket v2: the `book` and `instrument` channels.

In the order of the flow: `venue` opens a `connection`. It reads frames from its websocket and gives
them to a `session`, which decodes them (`frames`, `answers`) and applies them to books
(`book_feed`). The `subscriber` decides which books are asked for, with one
`subscription` a symbol, and `requests` paces it. All but `connection` do no I/O.
"""
