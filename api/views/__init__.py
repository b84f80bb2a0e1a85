"""Rebuild books from rings, for streams of many symbols and for views.

- `book_registry` has one `followed_book` for each symbol, rebuilt event by event and verified.
- `channel_registry` has one `channel` for each choice of symbols and `view`. Its `channel_member`s
  are the followed books, its `channel_log` has the events for its readers.
- `roster` keeps the symbols of `*`.
- `view_pace` shows a view at most as often as its client asked, and less often under load.
"""
