"""The levels of one pair, and how they are proved.

In the order of the data's flow: `steps` and `numbers` read the venue's texts, `join` joins a stream
with a snapshot by REST, and `deep_book` keeps all levels in two `deep_side`s and publishes the
window. `faults` are the reasons to replace a book by a snapshot.
"""
