"""A year in an hour: everything that changes in a year changes many times, and nothing may grow."""
