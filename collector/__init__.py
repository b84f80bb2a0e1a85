"""Kraken to Redis: keeps the books, verifies every frame, publishes each update as one event.

In the order that data flows: `feed` knows what is to be followed and spreads it over
`kraken.connection`s, within a `budget` and with a `backoff`; each reads frames for its
`kraken.session`, which follows its `kraken.subscription`s and feeds `books`; a book tells its
`outbox` what changed; the `publisher` takes what waits there and has the `delivery` bring it to
Redis, under the `lease`. `reporter` and `ops` say how it goes; `__main__` wires.
"""
