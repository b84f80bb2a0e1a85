"""Follows a venue's order books, verifies each update, and publishes it in Redis as one event.

The stages, in the order in which data flows; each has its own `__init__` with its files in order:

- `venues`: connections to a venue, which turn frames into changes of books.
- `feed`: which books there are, and each book, verified or known not to be.
- `publish`: events of books on their way to Redis.
- `lead`: who publishes.
- `report`: what the collector tells people about itself.

`program` makes the objects of all stages and runs them; `settings` and `metrics` are shared.
"""
