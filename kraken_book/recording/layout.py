"""Names and places of the files of a recording.

    rec/
        _manifest.jsonl
        venue=kraken/symbol=BTC%2FUSD/date=2026-11-27/
            20261127T180000.123456Z-1785638131660.parquet

The folders have the form of Hive, which readers turn into columns. While a file is written, its
name begins with `_` and ends in `.partial`, so that no reader takes it.
"""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from kraken_book.errors import Unusable
from kraken_book.symbols import pair_of, venue_of

__all__ = ["MANIFEST", "PARTIAL", "book_file", "lock_folder", "partial_of", "remove_partial_files"]

MANIFEST = "_manifest.jsonl"
PARTIAL = ".partial"
LOCK = "_lock"


def book_file(symbol: str, first_time: int, epoch: int) -> Path:
    """Return the path of a book file in its recording.

    Args:
        symbol: The symbol.
        first_time: Time of the first event in Unix microseconds.
        epoch: Epoch of the first event, 0 if it is unknown.
    """
    seconds, micros = divmod(first_time, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return (
        Path(f"venue={quote(venue_of(symbol), '')}")
        / f"symbol={quote(pair_of(symbol), '')}"
        / f"date={moment:%Y-%m-%d}"
        / f"{moment:%Y%m%dT%H%M%S}.{micros:06d}Z-{epoch}.parquet"
    )


def partial_of(path: Path) -> Path:
    """Return the path of a book file while it is written."""
    return path.with_name(f"_{path.name}{PARTIAL}")


def remove_partial_files(root: Path) -> None:
    """Remove the book files of a recording that were not finished."""
    for path in root.glob(f"venue=*/symbol=*/date=*/_*.parquet{PARTIAL}"):
        path.unlink(missing_ok=True)


def lock_folder(root: Path) -> int:
    """Lock the folder of a recording for this process.

    Args:
        root: The folder.

    Returns:
        The descriptor that holds the lock until it is closed.

    Raises:
        Unusable: Another process has locked it.
    """
    descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unusable(
            f"{root}: another recorder writes into this folder: use another --dir"
        ) from None
    return descriptor
