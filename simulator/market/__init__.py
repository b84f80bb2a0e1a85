"""The synthetic markets and the feed of their book frames.

- `catalogue` has the profiles of the markets, and makes one up for any other symbol.
- `side` keeps one side of a full book in order; `market` moves a book of two sides at random.
- `window` selects the part of a move that a subscriber at a depth receives.
- `update` renders an update, valid or spoiled by a fault.
- `listing` sends the moves of one market to its followers.
- `schedule` generates the times of moves and their symbols; `ticker` makes the due moves.
- `exchange` is the feed of all markets.
"""
