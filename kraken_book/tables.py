"""Levels as tables of pandas or polars, each imported only when its table is made.

Prices and quantities are floats, because people calculate with a table. The exact texts are beside
them. The types of the columns do not depend on the book, so that tables can be joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kraken_book.extras import require_extra
from kraken_book.level import Level

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["pandas_table", "polars_table"]

_COLUMNS: dict[str, type] = {
    "symbol": str,
    "side": str,
    "level": int,
    "price": float,
    "qty": float,
    "price_text": str,
    "qty_text": str,
}


def pandas_table(symbol: str, bids: Iterable[Level], asks: Iterable[Level]) -> pandas.DataFrame:
    """Return a row for each level; without pandas, MissingExtra is raised."""
    require_extra("to_pandas()", "pandas")
    import pandas as pd  # noqa: PLC0415

    # Without a type, a column without rows would be one of objects.
    types = {str: "object", int: "int64", float: "float64"}
    columns = _columns(symbol, bids, asks)
    series = {name: pd.Series(columns[name], dtype=types[kind]) for name, kind in _COLUMNS.items()}
    return pd.DataFrame(series)


def polars_table(symbol: str, bids: Iterable[Level], asks: Iterable[Level]) -> polars.DataFrame:
    """Return a row for each level; without polars, MissingExtra is raised."""
    require_extra("to_polars()", "polars")
    import polars as pl  # noqa: PLC0415

    types = {str: pl.String, int: pl.Int64, float: pl.Float64}
    schema = {name: types[kind] for name, kind in _COLUMNS.items()}
    return pl.DataFrame(_columns(symbol, bids, asks), schema=schema)


def _columns(symbol: str, bids: Iterable[Level], asks: Iterable[Level]) -> dict[str, list[Any]]:
    rows = [
        (symbol, side, number, float(price), float(qty), price, qty)
        for side, levels in (("bid", bids), ("ask", asks))
        for number, (price, qty) in enumerate(levels, 1)
    ]
    return {name: [row[index] for row in rows] for index, name in enumerate(_COLUMNS)}
