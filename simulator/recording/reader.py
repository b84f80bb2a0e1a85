"""Read a recording of book frames: a file, or a folder of tapes.

The times of receipt determine the pace; without them the timestamps in the frames do. A folder has
the tapes of all connections and hours of a collector; the frames of a symbol are put in the order
of time. All frames are in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import msgspec

from runtime.logs import get_logger
from simulator.market.instrument import SimulatedInstrument
from simulator.protocols.kraken.feed import DEPTHS
from simulator.recording.lines import (
    RecordedFrame,
    RecordingError,
    is_tape,
    read_frames,
    recorded_files,
)

log = get_logger("simulator.recording")


class _Level(msgspec.Struct):
    # A decoded number does not have the number of decimals.
    price: msgspec.Raw
    qty: msgspec.Raw


class _Book(msgspec.Struct):
    symbol: str
    checksum: int
    bids: list[_Level] = []
    asks: list[_Level] = []
    timestamp: datetime | None = None


class _Subscribed(msgspec.Struct):
    channel: str = ""
    symbol: str = ""
    depth: int | None = None


class _Line(msgspec.Struct):
    channel: str = ""
    type: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")
    method: str = ""
    result: _Subscribed | None = None


_line_decoder = msgspec.json.Decoder(_Line)
_books_decoder = msgspec.json.Decoder(list[_Book])


class TrackFrame(NamedTuple):
    """One frame of a track: the seconds since the first, its text, and whether it is a snapshot."""

    seconds: float
    text: str
    is_snapshot: bool


@dataclass
class Track:
    """The frames of one symbol from its first snapshot on."""

    symbol: str
    depth: int = 0
    price_precision: int = 0
    qty_precision: int = 0
    frames: list[TrackFrame] = field(default_factory=list)

    @property
    def instrument(self) -> SimulatedInstrument:
        """The pair for the instrument channel."""
        return SimulatedInstrument(self.symbol, self.price_precision, self.qty_precision, 1)


class _Entry(NamedTuple):
    seconds: float
    text: str
    is_snapshot: bool
    levels: int
    price_precision: int
    qty_precision: int


def read_recording(path: Path) -> dict[str, Track]:
    """Return the tracks of a recording by symbol; OSError if a file cannot be read.

    Args:
        path: A file, or a folder of tapes.

    Returns:
        The tracks, in the order in which their symbols appear.

    Raises:
        RecordingError: The content is wrong, or there is no snapshot of a book.
    """
    tracks = _Tracks(in_order_of_time=path.is_dir())
    for file in recorded_files(path):
        tracks.add_file(file)
    found = tracks.finish()
    if not found:
        raise RecordingError(f"{path}: no book snapshot found: record a book from its snapshot on")
    return found


class _Tracks:
    """The frames of all files, by symbol.

    Args:
        in_order_of_time: Whether to sort them, because a symbol may be in several files at once.
            The frames of one file stay in its order.
    """

    def __init__(self, *, in_order_of_time: bool) -> None:
        self._in_order_of_time = in_order_of_time
        self._entries: dict[str, list[_Entry]] = {}
        self._depths: dict[str, int] = {}

    def add_file(self, path: Path) -> None:
        """Add the frames of a file.

        A tape has all that the venue sent, so a frame that is none of Kraken's is left out. In
        another file it is an error.

        Raises:
            RecordingError: The content is wrong.
        """
        left_out, first = 0, ""
        for frame in read_frames(path):
            try:
                self._add(frame)
            except RecordingError as error:
                if not is_tape(path):
                    raise
                first = first or str(error)
                left_out += 1
        if left_out:
            log.warning("frames left out", path=str(path), count=left_out, first=first)

    def finish(self) -> dict[str, Track]:
        """Return the tracks of the symbols that have a snapshot."""
        tracks = (self._track(symbol, entries) for symbol, entries in self._entries.items())
        return {track.symbol: track for track in tracks if track.frames}

    def _add(self, frame: RecordedFrame) -> None:
        line = _parse_line(frame)
        result = line.result
        if line.method == "subscribe" and result and result.channel == "book" and result.depth:
            self._depths.setdefault(result.symbol, result.depth)
        if line.channel != "book":
            return
        book = _only_book(line, frame.place)
        entries = self._entries.setdefault(book.symbol, [])
        entries.append(_entry(frame, line.type == "snapshot", book, entries))

    def _track(self, symbol: str, entries: list[_Entry]) -> Track:
        if self._in_order_of_time:
            # The sort is stable: frames of one time keep their order.
            entries.sort(key=lambda entry: entry.seconds)
        first = next((at for at, entry in enumerate(entries) if entry.is_snapshot), len(entries))
        played = entries[first:]
        track = Track(symbol)
        if not played:
            return track
        # Only a guess: without an acknowledgement, the largest snapshot determines the depth.
        largest = max(entry.levels for entry in played if entry.is_snapshot)
        track.depth = self._depths.get(symbol) or _depth_above(largest)
        track.price_precision = max(entry.price_precision for entry in played)
        track.qty_precision = max(entry.qty_precision for entry in played)
        begin = played[0].seconds
        track.frames = [
            TrackFrame(entry.seconds - begin, entry.text, entry.is_snapshot) for entry in played
        ]
        return track


def _parse_line(frame: RecordedFrame) -> _Line:
    try:
        return _line_decoder.decode(frame.text)
    except msgspec.MsgspecError as error:
        raise RecordingError(
            f"{frame.place}: {error}: each line must be one JSON frame of Kraken v2"
        ) from error


def _only_book(line: _Line, place: str) -> _Book:
    try:
        books = _books_decoder.decode(line.data)
    except msgspec.MsgspecError as error:
        raise RecordingError(f"{place}: {error}: not a book frame of Kraken v2") from error
    if len(books) != 1:
        raise RecordingError(f"{place}: {len(books)} books in a frame: a frame must have one book")
    try:
        for level in books[0].bids + books[0].asks:
            _decimals(level.price), _decimals(level.qty)
    except InvalidOperation as error:
        raise RecordingError(f"{place}: a price or qty is not a number") from error
    return books[0]


def _entry(frame: RecordedFrame, is_snapshot: bool, book: _Book, before: list[_Entry]) -> _Entry:
    levels = book.bids + book.asks
    seconds = frame.seconds
    if seconds is None:
        last = before[-1].seconds if before else 0.0
        seconds = book.timestamp.timestamp() if book.timestamp else last
    return _Entry(
        seconds,
        frame.text,
        is_snapshot,
        max(len(book.bids), len(book.asks)),
        _most_decimals(level.price for level in levels),
        _most_decimals(level.qty for level in levels),
    )


def _most_decimals(numbers: Iterable[msgspec.Raw]) -> int:
    return max(map(_decimals, numbers), default=0)


def _decimals(number: msgspec.Raw) -> int:
    exponent = Decimal(bytes(number).decode()).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _depth_above(levels: int) -> int:
    return next((depth for depth in DEPTHS if depth >= levels), DEPTHS[-1])
