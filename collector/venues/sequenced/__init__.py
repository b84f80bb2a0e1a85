"""What venues have in common whose books are proved by a sequence.

In the order of the data's flow: a `session` decodes frames with the `protocol` of its venue, and
keeps a `deep_book` for each symbol, of which it publishes the window. `join` joins a stream with a
snapshot by REST. `listing` has the venue's pairs, `rest` makes requests within the venue's limits,
and `venue` connects all of these.
"""
