"""Follow a venue's order books, verify each update, and publish it in Redis as one event.

The stages, in the order of the data's flow; each `__init__` lists its files in order:

- `venues`: connections to a venue, which turn frames into changes of books.
- `feed`: the books that are followed, verified or known not to be.
- `tape`: the frames of all connections in files, if that is set.
- `publish`: events of books on their way to Redis.
- `lead`: the lease, which permits one collector to publish.
- `report`: reports for operators, in Redis and over HTTP.

`program` makes the objects of all stages and runs them; all stages use `settings` and `metrics`.
"""
