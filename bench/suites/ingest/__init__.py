"""Ingest: socket, decoding, book, checksum, Redis; one collector, beside a peer and the limit.

`comparison` is the suite; `collector`, `peer` and `limit` are what it compares, each a `run`.
"""
