"""The synthetic markets, without the form of any venue's frames.

- `catalogue` has the profiles of the markets, and makes one up for any other symbol.
- `side` keeps one side of a full book in order; `market` moves a book of two sides at random.
- `instrument` describes a pair; `subscriber` is the receiver of a connection's frames.
- `listing` is a market with its followers; a venue's protocol renders its moves.
- `schedule` generates the times of moves and their symbols; `ticker` makes the due moves.
- `exchange` has all markets, and the subscribers that wait for a snapshot.
"""
