"""Reads of the books and streams that collectors keep in Redis."""
