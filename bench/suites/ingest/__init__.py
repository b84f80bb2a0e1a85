"""Ingest: socket, decoding, book, checksum, Redis; one collector, beside a peer and the limit.

`comparison` is the suite. It compares a `run` of `collector`, of `peer` and of `limit`.
"""
