"""Coinbase Advanced Trade: the channels `level2` and `heartbeats`, which need no key.

`protocol` decodes the frames of a connection and follows its `sequence_num`; `products` decodes the
list of pairs; `venue` has what the rest must know. docs/venues.md has the sources.
"""
