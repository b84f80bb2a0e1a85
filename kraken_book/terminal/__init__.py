"""The terminal: ladders of live books side by side, and a table of all; keys alone, no mouse.

In the order that data flows: `arguments` says what to show, `feed` follows the streams and
`books_poll` asks `/books`. `board` is what both tell of every book; its `verdict` says which may be
shown as right. `ladder` draws one book: a `frame` with a `level_line` for each level;
`overview_rows` draws the table. `texts` and `palette` have the words and styles for all of it. The
widgets `ladders`, `overview`, `text_line` and `help` show it where `layout` finds room. `app` wires
all that, and paints at its `pace`: events only mark what changed.
"""

import sys

from kraken_book.extras import require_extra

# Python imports this package to locate `python -m kraken_book.terminal`; argv[0] is "-m" meanwhile.
# An error would then be a traceback. `__main__` reports it in one line.
if sys.argv[:1] != ["-m"]:
    require_extra("kraken_book.terminal", "terminal")
