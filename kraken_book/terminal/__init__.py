"""The terminal: ladders of live books side by side, and a table of all books, without a mouse.

In the order of the data flow: `arguments` parses the options, `feed` follows the streams, and
`books_poll` polls `/books`, as `polling` does it. `board` combines both for every book, and
`verdict` decides which books are shown as live. `ladder` draws one book: a `frame` with a
`level_line` for each level. `overview_rows` draws the table. `texts` and `palette` have the formats
and styles.

`cost_line` shows the cost to fill an order, which `fill` computes, and `mids` records the mids of
the last minutes.

`best_poll` polls the best prices of one pair over all venues, `best_lines` draws them, and
`best_screen` shows them.

The widgets are `ladders`, `overview`, `text_line` and `help`; `status_lines` fills the lines around
them, and `layout` computes their sizes. `app` connects everything, and paints as `pace` permits.
`program` runs the app, and `hangup` ends it when its terminal is gone.
"""

import sys

from kraken_book.extras import require_extra

# Python imports this package to locate `python -m kraken_book.terminal`; argv[0] is "-m" meanwhile.
# An error would then be a traceback. `__main__` reports it in one line.
if sys.argv[:1] != ["-m"]:
    require_extra("kraken_book.terminal", "terminal")
