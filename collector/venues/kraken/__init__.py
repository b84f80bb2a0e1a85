"""Kraken's WebSocket v2: the channels `book` and `instrument`.

In the order of the data's flow: `venue` opens a `connection`, which reads frames from its websocket
and passes them to a `session`. The session decodes them (`frames`, `answers`) and applies them to
books (`book_feed`). The `subscriber` decides when to request each book; it has one `subscription`
for each symbol. `requests` limits the rate. Only `connection` does I/O.
"""
