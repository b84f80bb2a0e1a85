"""The synthetic markets and the feed of their book frames.

- `catalogue` has the profiles of the markets, and makes one up for other symbols.
- `side` keeps one side of a full book in order; `market` moves a book of two sides at random.
- `window` decides which part of a move a subscriber at a depth receives.
- `update` renders an update, right or spoiled by a fault.
- `listing` sends the moves of one market to its followers.
- `schedule` says when which market moves, and `ticker` moves them by the clock.
- `exchange` is the feed of all markets.
"""
