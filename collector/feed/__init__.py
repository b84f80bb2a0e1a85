"""The books of a venue, whichever venue that is.

- `timestamp`: the time at which a frame was read.
- `link`: the state of a connection, for readers of the books that it carries.
- `lag`: the age of frames when they are read, silent connections, and a suspended process.
- `books`: the book of one symbol, which notifies its listener of each verified change.
- `venue`: the protocols that a venue's package implements.
- `feed`: the books that are followed, each on one connection.
- `budget`: rate limits of one user, or shared by several.
"""
