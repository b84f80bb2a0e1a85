"""Every fault of a feed, and the end of every process, under the eyes of readers."""
