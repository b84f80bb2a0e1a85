"""The books of a venue, whatever the venue: feed, books, budget."""
