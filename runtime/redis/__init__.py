"""Redis for every service, in the order in which a program meets it.

`url` parses what a `REDIS_URL` may be. `client` connects to what it names, and returns its `nodes`:
one server, or the masters of a `cluster`. Each is asked by the client in `exchange`, for which
`redis_py_internals` has all that is used of redis-py beyond its documentation. `errors` explains
what a failed call means, and `repair` renders the command that repairs a key.
"""
