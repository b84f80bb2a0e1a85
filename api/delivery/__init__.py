"""One reader's way: cursor, stream, socket."""
