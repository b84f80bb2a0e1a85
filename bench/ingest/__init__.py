"""Ingest: socket, decoding, book, checksum, Redis; one collector, beside a peer and the limit.

`bench.ingest.comparison.measure` measures; `python -m bench.ingest` prints it.
"""
