"""What others have made for the same purpose, run from their own packages beside ours.

`process` runs one; `nchan` is nginx with Debian's module, found where it is installed;
`sse_starlette_app` and `cryptofeed_collector` run in `.venv-peers`, which `make peers` makes. Where
one is not installed, a benchmark says so and goes on.
"""
