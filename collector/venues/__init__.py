"""One package a venue, with what its protocol has of its own, and the websocket that they share.

`feed_socket` returns messages in batches; `websockets_internals` has all that it uses of websockets
beyond its documentation.
"""
