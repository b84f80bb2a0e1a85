"""The writer of hftbacktest's npz files: https://hftbacktest.readthedocs.io/en/latest/data.html."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from kraken_book.recording.export.day_writer import DayWriter
from kraken_book.recording.export.window import Change, WindowStep

__all__ = ["Hftbacktest"]

CHUNK_ROWS = 65_536

# The events and flags of `hftbacktest.types`.
_DEPTH, _SNAPSHOT = 1, 4
_BOTH_ORDERS = (1 << 31) | (1 << 30)
_FLAGS = {"bid": 1 << 29 | _BOTH_ORDERS, "ask": 1 << 28 | _BOTH_ORDERS}
_TYPE = np.dtype(
    [
        *(("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8")),
        *(("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8")),
    ]
)

_Row = tuple[int, int, int, float, float, int, int, float]


class Hftbacktest(DayWriter):
    """The array `data` of hftbacktest, compressed.

    Exchange and local times never go back, so each row is an event of both orders. If a local time
    is before its exchange time, all local times move forward by the difference: hftbacktest needs
    a latency that is not negative, and its own converter does the same.
    """

    suffix = ".npz"

    def __init__(self, path: Path, symbol: str) -> None:
        super().__init__(path, symbol)
        # The header of an array has its length, so rows wait in a file until all are known.
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115
        self._rows: list[_Row] = []
        self._length = 0
        self._least_latency = sys.maxsize

    def write_step(self, step: WindowStep) -> None:
        """Write one step.

        The changes that lead to a snapshot are enough, except at the beginning of a file.
        """
        is_first = not self._length and not self._rows
        latency = step.local_time - step.exchange_time
        self._least_latency = min(self._least_latency, latency * 1000)
        self._add(_DEPTH, step, step.changes)
        if is_first:
            self._add(_SNAPSHOT, step, step.snapshot or ())
        if len(self._rows) >= CHUNK_ROWS:
            self._flush()

    def close(self) -> None:
        """Write the array."""
        self._flush()
        header = {"descr": _TYPE.descr, "fortran_order": False, "shape": (self._length,)}
        with (
            zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("data.npy", "w", force_zip64=True) as array,
        ):
            np.lib.format.write_array_header_1_0(array, header)
            for rows in self._chunks():
                rows["local_ts"] -= min(0, self._least_latency)
                array.write(rows.tobytes())
        self._file.close()

    def abandon(self) -> None:
        """Close the file without finishing it; the caller removes it."""
        with suppress(OSError):
            self._file.close()

    def _add(self, event: int, step: WindowStep, changes: Iterable[Change]) -> None:
        times = step.exchange_time * 1000, step.local_time * 1000
        for side, price, qty in changes:
            flags = event | _FLAGS[side]
            self._rows.append((flags, *times, float(price), float(qty), 0, 0, 0.0))

    def _flush(self) -> None:
        self._file.write(np.array(self._rows, dtype=_TYPE).tobytes())
        self._length += len(self._rows)
        self._rows = []

    def _chunks(self) -> Iterator[NDArray[np.void]]:
        self._file.seek(0)
        while data := self._file.read(CHUNK_ROWS * _TYPE.itemsize):
            yield np.frombuffer(bytearray(data), dtype=_TYPE)
