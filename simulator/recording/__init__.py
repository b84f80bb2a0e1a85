"""Recorded frames, from files to a feed of Kraken or to a whole venue.

- `lines`: the frames of one file of any kind, with their times and places.
- `reader`: Kraken's book frames of one file or of a folder, by symbol.
- `replay`: the feed of these frames.
- `connections`: all frames of the connections of another venue.
- `replayed_session` and `replayed_venue`: serve such connections, frame by frame.
"""
