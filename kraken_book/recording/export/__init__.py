"""Export recordings into the formats of other programs.

`window` turns events into changes of the published levels, with each deletion explicit. `formats`
has a writer for each format, and `export` writes one file for each book and day.
"""
