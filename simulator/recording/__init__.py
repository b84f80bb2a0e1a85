"""Recorded book frames, from files to a feed.

- `lines`: the frames of one file of any kind, with their times and places.
- `reader`: the frames of one file or of a folder, by symbol.
- `replay`: the feed of these frames.
"""
