"""Tables of plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kraken_book.printable import printable


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: texts to the left, numbers to the right with commas.

    Args:
        columns: The heads of the columns.
        rows: A value for each column.
    """
    cells = [list(columns), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    is_number = [
        all(row[at][:1].isdigit() or row[at] == "-" for row in cells[1:])
        for at in range(len(columns))
    ]
    for row in cells:
        line = (
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(row, widths, is_number, strict=True)
        )
        print("  ".join(line).rstrip())  # noqa: T201


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else printable(str(value))
