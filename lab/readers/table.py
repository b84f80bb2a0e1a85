"""A table for people: what was done, and what readers saw of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> Iterator[str]:
    """Rows below a head: the first so many columns, which are words, to the left, figures right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:words], widths, strict=False)]
        figures = zip(row[words:], widths[words:], strict=True)
        cells += [cell.rjust(width) for cell, width in figures]
        yield "  ".join(cells).rstrip()
