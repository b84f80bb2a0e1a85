"""Export recordings into the formats of other programs.

`window` turns events into changes of the published levels, with each deletion explicit. A
`day_writer` writes one book's day: `text` has those of text, `hftbacktest` that of arrays, and
`formats` lists them. `export` writes one file for each book and day.
"""
