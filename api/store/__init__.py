"""Read books, symbols and streams from Redis, and check them before use.

- `coalesce` makes one read for many callers.
- `venues` reads the list of venues, `book_store` the books and each venue's list of symbols.
  `book_check` verifies a book, `book_cache` keeps it, `confirmations` computes its age,
  `corrupt_keys` records corrupt keys.
- `feed_reports` reads what the leading collectors report about themselves, and
  `report_watch` exports their ages, and watches for collectors of a newer contract.
- `directory` finds the symbol for a name.
- `stream_entry` parses an event of a stream, `stream_reads` reads parts of streams, and `history`
  pages through one.
- `errors` has the api's errors below HTTP, `metrics` its metrics; every folder imports them.
"""
