"""All formats by their names."""

from __future__ import annotations

from kraken_book.recording.export.day_writer import DayWriter
from kraken_book.recording.export.hftbacktest import Hftbacktest
from kraken_book.recording.export.text import Csv, Ndjson, Tardis

__all__ = ["FORMATS"]

FORMATS: dict[str, type[DayWriter]] = {
    "tardis": Tardis,
    "hftbacktest": Hftbacktest,
    "ndjson": Ndjson,
    "csv": Csv,
}
