"""What ours is measured beside: other projects, run from their own packages, and lower bounds.

`process` runs a peer. `nchan` is nginx with Debian's module, found where it is installed;
`process` runs a peer. `nchan` is nginx with Debian's module, if that is installed;
is not installed, a suite says so and goes on. `bare_path` and `constant` are the lower bounds.
`servers` starts the api and its peers, `side_by_side` lets them take turns.
"""
