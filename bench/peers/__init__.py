"""Peers to compare with: other projects, run from their own packages, and lower bounds.

`process` runs a peer. `nchan` is nginx with Debian's module. `sse_starlette_app` and
`cryptofeed_collector` run in `.venv-peers`, which `make peers` makes. If a peer is not installed,
its rows are `not measured`. `bare_path` and `constant` are lower bounds. `servers` starts the api
and its peers, and `side_by_side` measures them in turns.
"""
