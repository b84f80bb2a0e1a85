"""Everything on one machine with one command: `make run`.

`run` wires it. The other files in the order of what happens: `settings` are read, `ports` opens the
sockets that services get, `feed` decides between live Kraken (asked by `kraken_probe`) and the
simulator, `redis_source` uses the Redis of `REDIS_URL` or starts an `embedded_redis`, `services`
names the processes, `supervisor` runs them under honcho with one log until a stop signal comes, and
`welcome` says what to open once the api has a book. `lifeline` ties every process to the one that
started it, `terminal` prints before there is a log, and `errors` are what ends a start.

Only this package ever falls back to simulated markets: a collector started by itself never does.
"""
