"""What ours is measured beside: other projects, run from their own packages, and lower bounds.

`process` runs a peer. `nchan` is nginx with Debian's module; `sse_starlette_app` and
`cryptofeed_collector` run in `.venv-peers`, which `make peers` makes. If one is not installed, a
suite says so and goes on. `bare_path` and `constant` are the lower bounds. `servers` starts the api
and its peers, `side_by_side` lets them take turns.
"""
