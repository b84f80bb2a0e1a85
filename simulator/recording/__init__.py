"""Recorded book frames: `reader` reads a file of them, and `replay` is the feed that plays it."""
