"""Kraken to Redis: keeps the books, verifies every frame, publishes each update as one event.

In the order that data flows: `feed` knows what is to be followed and spreads it over
`kraken.connection`s, within a `budget` and with a `kraken_book.backoff`; each reads frames for its
`kraken.session`, which follows its `kraken.subscription`s and feeds `books`; a book tells its
`outbox` what changed. The `publisher` knows which symbol is written where, and under which epoch:
each node of Redis has a `node_writer`, which takes its `symbol_writes`' calls, with the
`announcements` for that node, and has the `delivery` bring them there. The `lease` says who leads,
after a look at its `rivals`. `reporter` and `ops` say how it goes; `program` wires.
"""
