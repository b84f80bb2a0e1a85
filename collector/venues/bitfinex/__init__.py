"""Bitfinex v2: books at full price precision, with `SEQ_ALL` and `OB_CHECKSUM`.

`protocol` decodes the frames of a connection and follows its sequence; `checksum` proves a book by
Bitfinex's own checksum; `pairs` decodes the list of pairs; `venue` has what the rest must know.
docs/venues.md has the sources.
"""
