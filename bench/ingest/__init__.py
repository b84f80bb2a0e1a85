"""Ingest: socket, decoding, book, checksum, Redis; one collector, beside a peer and the limit.

`comparison.measure` measures; `python -m bench.ingest` prints it.
"""
