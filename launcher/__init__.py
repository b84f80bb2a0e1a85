"""Everything on one machine with one command: `make run`.

The files in the order of what happens:

- `__main__`: the way of a run from its settings to its exit code
- `settings`: the launcher's own, beside those of the services that it starts
- `services`: open the sockets that services get, and name the processes
- `feed`: decide between live Kraken and the simulator
- `embedded_redis`: start a Redis if REDIS_URL names none
- `supervisor`: run the processes with one log until a stop signal comes
- `terminal`: that log, what is printed before it, and what to open once the api has a book
- `errors`: what ends a start

Only this package ever falls back to simulated markets: a collector started by itself never does.
"""
