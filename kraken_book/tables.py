"""Levels as tables of pandas or polars, each imported only when its table is made.

Prices and quantities are floats, because people calculate with a table. The exact values are
beside them as integers: `ticks` and `lots`.
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

MAX_INT64 = (1 << 63) - 1


def pandas_table(symbol: str, bids: Iterable[Level], asks: Iterable[Level]) -> pandas.DataFrame:
    """Return a row for each level; integers of more than 64 bits make a column of objects.

    Without pandas, MissingExtra is raised.
    """
    require_extra("to_pandas()", "pandas")
    import pandas as pd  # noqa: PLC0415

    columns = _columns(symbol, bids, asks)
    kinds = {"level": "int64", "price": "float64", "qty": "float64"}
    kinds |= {name: "int64" if _fits(columns[name]) else "object" for name in ("ticks", "lots")}
    series = {
        name: pd.Series(values, dtype=kinds.get(name, "object")) for name, values in columns.items()
    }
    return pd.DataFrame(series)


def polars_table(symbol: str, bids: Iterable[Level], asks: Iterable[Level]) -> polars.DataFrame:
    """Return a row for each level; integers of more than 64 bits make a column of 128 bits.

    Without polars, MissingExtra is raised.
    """
    require_extra("to_polars()", "polars")
    import polars as pl  # noqa: PLC0415

    columns = _columns(symbol, bids, asks)
    schema: dict[str, Any] = {
        "symbol": pl.String,
        "side": pl.String,
        "level": pl.Int64,
        "price": pl.Float64,
        "qty": pl.Float64,
        "ticks": pl.Int64 if _fits(columns["ticks"]) else pl.Int128,
        "lots": pl.Int64 if _fits(columns["lots"]) else pl.Int128,
    }
    return pl.DataFrame(columns, schema=schema)


def _columns(symbol: str, bids: Iterable[Level], asks: Iterable[Level]) -> dict[str, list[Any]]:
    rows = [
        (symbol, side, number, float(level.price), float(level.qty), level.ticks, level.lots)
        for side, levels in (("bid", bids), ("ask", asks))
        for number, level in enumerate(levels, 1)
    ]
    names = ("symbol", "side", "level", "price", "qty", "ticks", "lots")
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def _fits(numbers: Iterable[int]) -> bool:
    return all(number <= MAX_INT64 for number in numbers)
