"""The packages of the venues, one for each protocol, and the websocket that they share.

`feed_socket` returns messages in batches. `websockets_internals` contains every use of the library
websockets beyond its documentation.
"""
