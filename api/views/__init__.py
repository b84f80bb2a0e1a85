"""Books that this replica rebuilds, for streams of many symbols and for views.

- `book_registry` has one `followed_book` a symbol: rebuilt event by event and proved.
- `channel_registry` has one `channel` for each choice of symbols and `view`; its `channel_member`s
  are the followed books, its `channel_log` what its readers are sent.
- `roster` tells which symbols a stream of `*` has.
- `view_pace` shows a view at most as often as its client asked, and less often under load.
"""
