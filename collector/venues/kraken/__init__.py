"""What is Kraken's alone: the WebSocket v2 protocol of the `book` and `instrument` channels.

`frames` decodes and makes frames, `requests` paces what is asked, `subscription` follows one
symbol, `lag` tells how old what is read is, `session` is one connection's conversation (all without
I/O); `connection` does the I/O and comes back for ever.
"""
