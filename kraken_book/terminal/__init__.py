"""The terminal: ladders of live books side by side, and a table of all; keys alone, no mouse.

In the order that data flows: `arguments` says what to show, `feed` follows the streams and
`books_poll` asks `/books`; both tell `board`, what is known of every book, by whose `verdict` a
book may be shown as right. `ladder` draws one book, of `depth_bar` and `trust_line`, and
`overview_rows` the table, in the styles of `palette` and the words of `texts`. The widgets
`ladders`, `overview`, `lines` and `help` give these their places, which `grid` and `arrangement`
compute. `app` wires all that, and paints: events only mark what changed.
"""
