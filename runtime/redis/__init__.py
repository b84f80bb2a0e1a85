"""Clients of Redis for every service.

`url` parses `REDIS_URL`. `client` creates its `nodes`: one server, or the masters of a `cluster`.
Each node has a client from `exchange`, and `redis_py_internals` is the only user of redis-py's
undocumented parts. `errors` explains failed calls, and `repair` renders the command that repairs a
key.
"""
