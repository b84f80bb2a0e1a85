"""The HTTP server of every process.

`server` serves an ASGI application until it is stopped. `connections` registers open connections
and enforces their deadlines, with the values in `limits`. `open_files` bounds their number, and
`unread` finds clients that do not read their answers. `protocol` reads the requests of one
connection and refuses some with `plain_answers`. `uvicorn_internals` is the only user of uvicorn's
undocumented parts. `metrics` contains the metrics. `local_hosts` checks the Host
header of ports on loopback.
"""
