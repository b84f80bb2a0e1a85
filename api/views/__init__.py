"""Books that this replica rebuilds for streams of many symbols and for views."""
