"""Events on their way from a book to Redis.

- `event_queue`: numbers and keeps the events of one symbol until they are taken.
- `symbol_writer`: makes one symbol's calls of the write script, one at a time.
- `node_writer`: collects the calls of all symbols that one node of Redis has, and settles them.
- `shared_keys`: what is written of books in `kraken:symbols` and `kraken:wake`.
- `sender`: sends calls to one node until it answers; `redis_clock` has the time of that node.
- `publisher`: knows which symbol is written to which node, and runs the writers.
- `troubles`: troubles with Redis, each logged once; every part that asks Redis reports them there.
- `leadership`: whether this collector publishes, and under which epoch.
- `tuning`, `flush_pacer`: how often and how much is written, and how long events gather.
"""
