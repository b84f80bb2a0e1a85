"""The formats of text: NDJSON, CSV and the CSV of Tardis."""

from __future__ import annotations

import csv
import gzip
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, ClassVar

import msgspec

from kraken_book.recording.export.day_writer import DayWriter
from kraken_book.recording.export.window import WindowStep
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.symbols import pair_of, venue_of
from kraken_book.timestamps import rfc3339

__all__ = ["Csv", "Ndjson", "Tardis"]

_LEVEL = 6


class _Compressed(DayWriter):
    """A writer of text in a gzip file."""

    def __init__(self, path: Path, symbol: str) -> None:
        super().__init__(path, symbol)
        self._file: IO[str] = gzip.open(  # noqa: SIM115 - `close` closes it
            path, "wt", _LEVEL, encoding="utf-8", newline=""
        )

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def abandon(self) -> None:
        """Close the file without finishing it; the caller removes it."""
        # What it still holds may not fit on the disk.
        with suppress(OSError):
            self._file.close()


class Ndjson(_Compressed):
    """Each event as a line of JSON, with `recorded_at` and `verified` first."""

    suffix = ".ndjson.gz"
    uses_steps = False

    def write_event(self, recorded: RecordedEvent) -> None:
        """Write one event."""
        event = msgspec.json.encode(recorded.event).decode()
        at = rfc3339(recorded.recorded_at * 1000)
        is_verified = "true" if recorded.is_verified else "false"
        self._file.write(f'{{"recorded_at":"{at}","verified":{is_verified},{event[1:]}\n')


class Csv(_Compressed):
    """Each changed level as a row; the quantity is zero if it was deleted.

    A snapshot comes twice: as the changes that lead to it, and then as a whole. So readers that
    ignore snapshots, or replace only some levels by them, have the right book too.
    """

    suffix = ".csv.gz"
    _columns: ClassVar[tuple[str, ...]] = (
        *("epoch", "seq", "exchange_time", "local_time", "is_snapshot", "side", "price", "qty"),
    )

    def __init__(self, path: Path, symbol: str) -> None:
        super().__init__(path, symbol)
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(self._columns)

    def write_step(self, step: WindowStep) -> None:
        """Write one step."""
        head = self._head(step)
        self._rows.writerows((*head, "false", *change) for change in step.changes)
        self._rows.writerows((*head, "true", *level) for level in step.snapshot or ())

    def _head(self, step: WindowStep) -> tuple[Any, ...]:
        times = rfc3339(step.exchange_time * 1000), rfc3339(step.local_time * 1000)
        return (step.position.epoch, step.position.seq, *times)


class Tardis(Csv):
    """Tardis' `incremental_book_L2`: https://docs.tardis.dev/downloadable-csv-files."""

    _columns: ClassVar[tuple[str, ...]] = (
        *("exchange", "symbol", "timestamp", "local_timestamp", "is_snapshot", "side"),
        *("price", "amount"),
    )

    @staticmethod
    def name(symbol: str, day: str) -> str:
        """Return the name of a file as Tardis names it."""
        return f"{venue_of(symbol)}_incremental_book_L2_{day}_{pair_of(symbol).replace('/', '-')}"

    def _head(self, step: WindowStep) -> tuple[Any, ...]:
        venue, pair = venue_of(self._symbol), pair_of(self._symbol)
        return venue, pair, step.exchange_time, step.local_time
