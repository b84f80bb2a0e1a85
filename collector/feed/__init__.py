"""Books of a venue, whichever venue that is.

- `timestamp`: when a frame was read.
- `link`: what readers of a book know of the connection that carries it.
- `lag`: how old frames are when they are read, silence and standstill.
- `books`: one symbol's book, which tells its listener of each verified change.
- `venue`: what a venue's package has to offer.
- `feed`: which books are followed, and on which connection.
- `budget`: how often something may be done, alone or shared by several.
"""
