"""The writers of the formats: each gets the events or the changes of one book and day."""

from __future__ import annotations

import csv
import gzip
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Any, ClassVar

import msgspec

from kraken_book.recording.export.window import WindowStep
from kraken_book.recording.layout import venue_of
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.timestamps import rfc3339

__all__ = ["FORMATS", "Csv", "DayWriter", "Hftbacktest", "Ndjson", "Tardis"]

_LEVEL = 6


class DayWriter(ABC):
    """Writes one book's day into a file.

    Args:
        path: The file.
        symbol: The symbol.
    """

    suffix: str
    """The end of the file's name."""
    uses_steps = True
    """Whether it gets changes of levels; otherwise it gets events."""

    def __init__(self, path: Path, symbol: str) -> None:
        self._path = path
        self._symbol = symbol

    @staticmethod
    def name(symbol: str, day: str) -> str:
        """Return the name of a file without its suffix.

        Args:
            symbol: The symbol.
            day: The day, such as 2026-11-27.
        """
        pair = symbol.partition(":")[2] or symbol
        return f"{venue_of(symbol)}_{day}_{pair.replace('/', '-')}"

    def write_step(self, step: WindowStep) -> None:
        """Write the changes of one event."""
        raise NotImplementedError

    def write_event(self, recorded: RecordedEvent) -> None:
        """Write one event."""
        raise NotImplementedError

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""


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


class Ndjson(_Compressed):
    """Each event as a line of JSON, with `recorded_at` first."""

    suffix = ".ndjson.gz"
    uses_steps = False

    def write_event(self, recorded: RecordedEvent) -> None:
        """Write one event."""
        event = msgspec.json.encode(recorded.event).decode()
        at = rfc3339(recorded.recorded_at * 1000)
        self._file.write(f'{{"recorded_at":"{at}",{event[1:]}\n')


class Csv(_Compressed):
    """Each change of a level as a row, with the quantity zero for a deletion."""

    suffix = ".csv.gz"
    _columns: ClassVar[tuple[str, ...]] = (
        "exchange_time",
        "local_time",
        "is_snapshot",
        "side",
        "price",
        "qty",
    )

    def __init__(self, path: Path, symbol: str) -> None:
        super().__init__(path, symbol)
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(self._columns)

    def write_step(self, step: WindowStep) -> None:
        """Write the changes of one event."""
        times = rfc3339(step.exchange_time * 1000), rfc3339(step.local_time * 1000)
        self._write(step, times)

    def _write(self, step: WindowStep, head: tuple[Any, ...]) -> None:
        rows = [(*head, "false", *change) for change in step.deleted]
        is_snapshot = "true" if step.is_snapshot else "false"
        rows += [(*head, is_snapshot, *change) for change in step.changes]
        self._rows.writerows(rows)


class Tardis(Csv):
    """Tardis' `incremental_book_L2`: https://docs.tardis.dev/downloadable-csv-files.

    Its snapshot is the whole book, but some readers clear only the range of its prices. So levels
    that a snapshot lacks are deleted before it.
    """

    _columns: ClassVar[tuple[str, ...]] = (
        *("exchange", "symbol", "timestamp", "local_timestamp", "is_snapshot", "side"),
        *("price", "amount"),
    )

    @staticmethod
    def name(symbol: str, day: str) -> str:
        """Return the name of a file as Tardis names it."""
        pair = symbol.partition(":")[2] or symbol
        return f"{venue_of(symbol)}_incremental_book_L2_{day}_{pair.replace('/', '-')}"

    def write_step(self, step: WindowStep) -> None:
        """Write the changes of one event."""
        venue, pair = venue_of(self._symbol), self._symbol.partition(":")[2] or self._symbol
        self._write(step, (venue, pair, step.exchange_time, step.local_time))


class Hftbacktest(DayWriter):
    """The array `data` of hftbacktest in an npz file: https://hftbacktest.readthedocs.io.

    Exchange and local times never go back, so each row is an event of both orders.
    """

    suffix = ".npz"
    # hftbacktest.types
    _DEPTH, _SNAPSHOT = 1, 4
    _BOTH_ORDERS = (1 << 31) | (1 << 30)
    _SIDES: ClassVar[dict[str, int]] = {"bid": 1 << 29, "ask": 1 << 28}
    _TYPE: ClassVar[list[tuple[str, str]]] = [
        *(("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8")),
        *(("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8")),
    ]

    def __init__(self, path: Path, symbol: str) -> None:
        super().__init__(path, symbol)
        self._rows: list[tuple[int, int, int, float, float, int, int, float]] = []

    def write_step(self, step: WindowStep) -> None:
        """Write the changes of one event."""
        times = step.exchange_time * 1000, step.local_time * 1000
        changes = [(self._DEPTH, change) for change in step.deleted]
        kind = self._SNAPSHOT if step.is_snapshot else self._DEPTH
        changes += [(kind, change) for change in step.changes]
        for event, (side, price, qty) in changes:
            flags = event | self._SIDES[side] | self._BOTH_ORDERS
            self._rows.append((flags, *times, float(price), float(qty), 0, 0, 0.0))

    def close(self) -> None:
        """Write the array."""
        import numpy as np  # noqa: PLC0415 - only this format needs it

        with self._path.open("wb") as file:
            np.savez_compressed(file, data=np.array(self._rows, dtype=self._TYPE))


FORMATS: dict[str, type[DayWriter]] = {
    "tardis": Tardis,
    "hftbacktest": Hftbacktest,
    "ndjson": Ndjson,
    "csv": Csv,
}
"""The formats by name."""
