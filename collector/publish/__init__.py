"""Events on their way from a book to Redis.

- `event_queue`: numbers the events of one symbol, and keeps them until they are written.
- `symbol_writer`: makes one symbol's calls of the write script, one at a time.
- `node_writer`: sends the calls of all symbols of one node of Redis, and handles the results.
- `shared_keys`: updates of `kraken:symbols` and `kraken:wake`, which all symbols share.
- `sender`: sends calls to one node until it answers; `redis_clock` is the clock of that node.
- `publisher`: assigns each symbol to the writer of its node, and runs the writers.
- `troubles`: errors of Redis, each logged once; every caller of Redis reports them there.
- `leadership`: whether this collector publishes, and under which epoch.
- `tuning`, `flush_pacer`: intervals and sizes of writes, and delays that let events gather.
"""
