"""The HTTP server of every process, in the order in which a connection meets it.

`server` serves an application until it is stopped. `connections` has a place for each connection,
with the deadlines of its phase; `limits` says how long those are, `open_files` how many connections
there may be, and `unread` which clients do not read their answers. `protocol` reads the requests of
one connection and refuses some with `plain_answers`. `uvicorn_internals` is what all of it uses of
uvicorn beyond its documentation. `metrics` are the figures.
"""
