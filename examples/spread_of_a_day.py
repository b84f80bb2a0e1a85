"""Draw the spread of a recorded book by the minute: its median and its maximum.

    pip install '.[recording]' duckdb polars matplotlib
    python examples/spread_of_a_day.py rec BTC/USD spread.png

The books are rebuilt from the recording, because its files have only their changes.
"""

from __future__ import annotations

import sys

import duckdb
import matplotlib.pyplot as plt
import polars as pl

from kraken_book import replay

PER_MINUTE = """
SELECT time_bucket(INTERVAL 1 MINUTE, time) AS minute, median(spread) AS median,
       max(spread) AS most
FROM spreads GROUP BY minute ORDER BY minute
"""


def main(path: str, symbol: str, picture: str) -> None:
    """Draw the picture.

    Args:
        path: The folder of the recording.
        symbol: The book.
        picture: The file to draw.
    """
    spreads = pl.DataFrame(
        [
            (book.exchange_time, float(book.spread))
            for book in replay(path, symbol)
            if book.is_live and book.spread is not None
        ],
        schema=["time", "spread"],
        orient="row",
    ).with_columns(pl.col("time").str.to_datetime(time_zone="UTC"))
    # DuckDB finds the frame by the name of the variable.
    relation = duckdb.sql(PER_MINUTE)
    assert relation is not None
    minutes = relation.pl()
    print(f"{len(spreads)} spreads in {len(minutes)} minutes")
    plt.plot(minutes["minute"], minutes["median"], label="median")
    plt.plot(minutes["minute"], minutes["most"], label="maximum")
    plt.ylabel(f"spread of {symbol}")
    plt.gcf().autofmt_xdate()
    plt.legend()
    plt.savefig(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
