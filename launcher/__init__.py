"""Run all services on one machine with one command: `make run`.

In the order of a run:

- `__main__`: a run from its settings to its exit code
- `settings`: the launcher's setting, and those of the services
- `services`: open the services' sockets, and define their processes
- `feed`: choose between live Kraken and the simulator
- `embedded_redis`: start a Redis server if REDIS_URL is not set
- `supervisor`: run the processes with one log until a stop signal comes
- `terminal`: that log, messages before it, and the welcome when a book is live
- `errors`: errors that end a start

Only this package falls back to simulated markets; a collector never does.
"""
