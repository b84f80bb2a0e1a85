"""Reads from Redis: what collectors left there, checked before it is shown.

- `coalesce` makes one read for many callers.
- `book_store` reads books and the list of symbols; `book_check` proves a book, `book_cache`
  remembers it, `confirmations` tells its age, `corrupt_keys` names what no collector wrote.
- `directory` finds the symbol that a name means.
- `stream_entry` is an event in a stream, `stream_reads` reads parts of streams.
- `errors` are the api's errors below HTTP, `metrics` its figures: every folder imports them.
"""
