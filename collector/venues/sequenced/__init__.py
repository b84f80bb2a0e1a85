"""What venues have in common whose books are proved by a sequence.

In the order of the data's flow: a `session` decodes frames with the `protocol` of its venue, and
keeps a `followed_pair` for each symbol, with the levels in `book`. Its `subscriber` makes the
`requests` for these. `listing` has the venue's pairs, `rest` makes requests within the venue's
limits, and `venue` connects all of these.
"""
