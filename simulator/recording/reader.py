"""Read a recording of book frames: a file with one text frame per line.

A file `NAME.received-ns` beside `NAME.jsonl` contains the time of receipt of each line, in
nanoseconds of any monotonic clock. Without it the timestamps in the frames determine the pace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from simulator.protocol.feed import DEPTHS
from simulator.protocol.instruments import SimulatedInstrument


class RecordingError(ValueError):
    """A file that cannot be replayed; the text names the line and the reason."""


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


@dataclass
class Track:
    """The frames of one symbol from its first snapshot on."""

    symbol: str
    depth: int = 0
    price_precision: int = 0
    qty_precision: int = 0
    frames: list[tuple[float, str]] = field(default_factory=list)
    """The seconds since the first frame and the text of each frame."""

    @property
    def instrument(self) -> SimulatedInstrument:
        """The pair for the instrument channel."""
        return SimulatedInstrument(self.symbol, self.price_precision, self.qty_precision, 1)


def read_recording(path: Path) -> dict[str, Track]:
    """Return the tracks of a recording by symbol; OSError if the file cannot be read.

    Raises:
        RecordingError: The content is wrong, or there is no snapshot of a book.

    """
    lines = path.read_text(encoding="utf-8").split("\n")
    times = _received_seconds(path, lines)
    tracks: dict[str, Track] = {}
    depths: dict[str, int] = {}
    for number, line, parsed in _parsed_lines(path, lines):
        result = parsed.result
        if parsed.method == "subscribe" and result and result.channel == "book" and result.depth:
            depths.setdefault(result.symbol, result.depth)
        if parsed.channel == "book":
            book = _only_book(parsed, path, number)
            seconds = times[number - 1] if times else None
            _add(tracks, parsed.type, book, seconds, line.rstrip("\r"))
    for track in tracks.values():
        track.depth = depths.get(track.symbol) or _depth_above(track.depth)
        begin = track.frames[0][0]
        track.frames = [(seconds - begin, text) for seconds, text in track.frames]
    if not tracks:
        raise RecordingError(f"{path}: no book snapshot found: record a book from its snapshot on")
    return tracks


def _parsed_lines(path: Path, lines: list[str]) -> Iterator[tuple[int, str, _Line]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, line, _line_decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise RecordingError(
                    f"{path}, line {number}: {error}: each line must be one JSON frame of Kraken v2"
                ) from error


def _only_book(line: _Line, path: Path, number: int) -> _Book:
    try:
        books = _books_decoder.decode(line.data)
    except msgspec.MsgspecError as error:
        raise RecordingError(
            f"{path}, line {number}: {error}: not a book frame of Kraken v2"
        ) from error
    if len(books) != 1:
        raise RecordingError(
            f"{path}, line {number}: {len(books)} books in a frame: a frame must have one book"
        )
    try:
        for level in books[0].bids + books[0].asks:
            _decimals(level.price), _decimals(level.qty)
    except InvalidOperation as error:
        raise RecordingError(f"{path}, line {number}: a price or qty is not a number") from error
    return books[0]


def _add(
    tracks: dict[str, Track], kind: str, book: _Book, seconds: float | None, text: str
) -> None:
    track = tracks.get(book.symbol)
    if track is None:
        if kind != "snapshot":
            return
        track = tracks[book.symbol] = Track(book.symbol)
    if kind == "snapshot":
        # Only a guess: without an acknowledgement, the largest snapshot determines the depth.
        track.depth = max(track.depth, len(book.bids), len(book.asks))
    for level in book.bids + book.asks:
        track.price_precision = max(track.price_precision, _decimals(level.price))
        track.qty_precision = max(track.qty_precision, _decimals(level.qty))
    if seconds is None:
        last = track.frames[-1][0] if track.frames else 0.0
        seconds = book.timestamp.timestamp() if book.timestamp else last
    track.frames.append((seconds, text))


def _decimals(number: msgspec.Raw) -> int:
    exponent = Decimal(bytes(number).decode()).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _depth_above(levels: int) -> int:
    return next((depth for depth in DEPTHS if depth >= levels), DEPTHS[-1])


def _received_seconds(path: Path, lines: list[str]) -> list[float]:
    beside = path.with_suffix(".received-ns")
    if not beside.exists():
        return []
    try:
        times = [int(text) / 1e9 for text in beside.read_text(encoding="utf-8").split()]
    except ValueError as error:
        raise RecordingError(
            f"{beside}: {error}: each line must be an integer of nanoseconds"
        ) from error
    count = len(lines) - (lines[-1] == "")
    if len(times) != count:
        raise RecordingError(f"{beside}: {len(times)} times for the {count} lines of {path.name}")
    return times
