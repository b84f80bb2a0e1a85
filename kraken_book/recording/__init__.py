"""Recordings of books: Parquet files that anyone can read and prove, and tapes of frames.

In the order of the data flow: `recorded` is one recorded event. `schema` defines the columns and
the metadata of a book file, and `rows` converts events to rows and back. `layout` names files,
`book_writer` writes one, and `manifest` lists them with their checksums. `reader` reads events
from files, of one book or of many in the order of time. `tape_reader` reads the lines of tapes,
which collectors write.

A `recording` follows a stream, and passes its books to a `recorder`. The recorder writes the
`journal`, from which a `recovery` rebuilds the books after a kill, and the book files of one `part`
at a time. By `continuity` it knows which events it has, and where some are missing.

`verify` proves files again, `report` lists what is missing in them, and `replay` yields their books
like `watch`. The folder `export` writes the formats of other programs.
If a recording is played again, `raised_positions` are above those of the play before.
A `replayer` writes a recording into Redis: it makes a `replayed_book` of each symbol, and the
`replay_target` carries out their writes, on the server of `replay_url`.

All of this needs the extra `recording`.
"""
