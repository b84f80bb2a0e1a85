"""Recorded book frames: `reader` reads a file of frames, and `replay` is the feed of the file."""
