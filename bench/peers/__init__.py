"""Peers, each run by the Python of `.venv-peers`; see `make peers`."""
