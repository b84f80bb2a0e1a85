"""Prove tapes again: rebuild each book from Kraken's frames, and verify it after each frame."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import msgspec

from kraken_book.book import DEPTHS, Book
from kraken_book.errors import BookError, DamagedRecording
from kraken_book.json_errors import JSON_ERRORS
from kraken_book.precision import MAX_TEXT, Precision
from kraken_book.recording.tape_reader import Closed, Dropped, Opened, Received, read_tape
from kraken_book.recording.verify import FileVerdict

__all__ = ["TAPE_SUFFIXES", "verify_tapes"]

TAPE_SUFFIXES = (".tape", ".tape.zst", ".tape.zst.partial", ".jsonl")

# The files of one connection, one an hour: 13-connection-1-130000.000412.tape.zst
_OF_CONNECTION = re.compile(r"\d\d-connection-(.+)-\d{6}\.\d{6}.*")

OnBytes = Callable[[int], None]


class _Level(msgspec.Struct):
    # A decoded number would not have its decimals.
    price: msgspec.Raw
    qty: msgspec.Raw


class _Entry(msgspec.Struct):
    symbol: str
    checksum: int
    bids: list[_Level] = []
    asks: list[_Level] = []


class _Acknowledged(msgspec.Struct):
    channel: str = ""
    symbol: str = ""
    depth: int | None = None


class _Frame(msgspec.Struct):
    channel: str = ""
    type: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")
    result: _Acknowledged | None = None


class _Pair(msgspec.Struct):
    symbol: str
    price_precision: int | None = None
    qty_precision: int | None = None


class _Pairs(msgspec.Struct):
    pairs: list[_Pair] = []


_frames = msgspec.json.Decoder(_Frame)
_entries = msgspec.json.Decoder(list[_Entry])
_pairs = msgspec.json.Decoder(_Pairs)


def verify_tapes(
    paths: Iterable[Path], on_bytes: OnBytes = lambda _: None
) -> Iterator[FileVerdict]:
    """Yield a verdict for each file and book.

    The files are read twice: the decimals of a symbol may come after its first frames.

    Args:
        paths: The files; the hours of one connection should be given together.
        on_bytes: Called with the size of each file that was read.

    Yields:
        The verdicts of one file after the other.
    """
    of_connections: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in paths:
        of_connections[_connection_of(path)].append(path)
    # Only the first connection of a collector has the list of pairs, but each has its own depths.
    decimals = _Decimals({}, {})
    connections = [(sorted(each), _Shapes(decimals)) for _, each in sorted(of_connections.items())]
    for files, shapes in connections:
        for path in files:
            # A damaged file is a fault of the second reading.
            with suppress(DamagedRecording, OSError):
                for line in read_tape(path):
                    if isinstance(line, Received):
                        shapes.add(line.frame)
            on_bytes(path.stat().st_size)
    for files, shapes in connections:
        proof = _TapeProof(shapes)
        for path in files:
            yield from proof.verify(path)
            on_bytes(path.stat().st_size)


def _connection_of(path: Path) -> tuple[str, str]:
    """Return the folder of the tape and the connection; a file of another name is its own."""
    match = _OF_CONNECTION.fullmatch(path.name)
    return (str(path.parent.parent), match[1]) if match else (str(path), "")


class _Decimals(NamedTuple):
    """The decimals of each symbol: in the venue's list of pairs, and the most in its frames."""

    listed: dict[str, Precision]
    seen: dict[str, Precision]


class _Shapes:
    """The decimals and the depth of the books of one connection, as its frames have them."""

    def __init__(self, decimals: _Decimals) -> None:
        self._listed, self._seen = decimals
        self._depths: dict[str, int] = {}
        self._most_levels: dict[str, int] = {}

    def add(self, data: bytes) -> None:
        """Learn from a frame."""
        frame = _decoded(data)
        if frame is None:
            return
        if frame.result is not None and frame.result.channel == "book" and frame.result.depth:
            self._depths[frame.result.symbol] = frame.result.depth
        with suppress(msgspec.MsgspecError, InvalidOperation, ValueError):
            if frame.channel == "instrument":
                for pair in _pairs.decode(frame.data).pairs:
                    if pair.price_precision is not None and pair.qty_precision is not None:
                        listed = Precision(pair.price_precision, pair.qty_precision)
                        self._listed[pair.symbol] = listed
            elif frame.channel == "book":
                for entry in _entries.decode(frame.data):
                    self._add_entry(entry, is_snapshot=frame.type == "snapshot")

    def empty_book(self, symbol: str) -> Book:
        """Return a book of this symbol without levels."""
        depth = self._depths.get(symbol)
        if depth not in DEPTHS:
            # Without an acknowledgement, the largest snapshot tells the depth.
            most = self._most_levels.get(symbol, 0)
            depth = next((each for each in DEPTHS if each >= most), DEPTHS[-1])
        precision = self._listed.get(symbol) or self._seen.get(symbol) or Precision(0, 0)
        return Book(symbol, depth, precision)

    def _add_entry(self, entry: _Entry, *, is_snapshot: bool) -> None:
        price, qty = self._seen.get(entry.symbol, Precision(0, 0))
        for level in (*entry.bids, *entry.asks):
            price, qty = max(price, _decimals(level.price)), max(qty, _decimals(level.qty))
        self._seen[entry.symbol] = Precision(price, qty)
        if is_snapshot:
            most = max(len(entry.bids), len(entry.asks), self._most_levels.get(entry.symbol, 0))
            self._most_levels[entry.symbol] = most


class _TapeProof:
    """The proof of the books of one connection over its files."""

    def __init__(self, shapes: _Shapes) -> None:
        self._shapes = shapes
        self._books: dict[str, Book] = {}
        self._verdicts: dict[str, FileVerdict] = {}

    def verify(self, path: Path) -> list[FileVerdict]:
        """Return the verdict on each book of a file."""
        self._verdicts = {}
        try:
            for number, line in enumerate(read_tape(path), 1):
                if isinstance(line, Received):
                    self._add(path, number, line.frame)
                elif isinstance(line, Opened | Closed | Dropped):
                    # The books begin again with snapshots.
                    self._end(path, is_gap=isinstance(line, Dropped))
        except (DamagedRecording, OSError) as error:
            verdict = self._verdicts.setdefault("?", FileVerdict(path=path))
            verdict.add_fault(str(error).removeprefix(f"{path}"))
        return [self._verdicts[symbol] for symbol in sorted(self._verdicts)]

    def _end(self, path: Path, *, is_gap: bool) -> None:
        for symbol in self._books if is_gap else ():
            self._verdict(path, symbol).gaps += 1
        self._books.clear()

    def _add(self, path: Path, number: int, data: bytes) -> None:
        frame = _decoded(data)
        if frame is None or frame.channel != "book":
            return
        try:
            entries = _entries.decode(frame.data)
        except JSON_ERRORS as error:
            self._verdict(path, "?").add_fault(f"line {number}: {error}")
            return
        for entry in entries:
            self._add_entry(path, number, entry, is_snapshot=frame.type == "snapshot")

    def _add_entry(self, path: Path, number: int, entry: _Entry, *, is_snapshot: bool) -> None:
        verdict = self._verdict(path, entry.symbol)
        verdict.events += 1
        if is_snapshot:
            self._books[entry.symbol] = self._shapes.empty_book(entry.symbol)
        book = self._books.get(entry.symbol)
        if book is None:
            # The tape does not have the snapshot, or the book is wrong since an earlier frame.
            return
        try:
            apply = book.replace if is_snapshot else book.update
            apply(book.levels(_texts(entry.bids)), book.levels(_texts(entry.asks)))
            book.verify(entry.checksum)
        except BookError as error:
            verdict.add_fault(f"line {number}, {entry.symbol}: {error.reason}: {error}")
            del self._books[entry.symbol]
        else:
            verdict.verified += 1

    def _verdict(self, path: Path, symbol: str) -> FileVerdict:
        verdict = self._verdicts.get(symbol)
        if verdict is None:
            verdict = self._verdicts[symbol] = FileVerdict(path=path, books=[symbol])
        return verdict


def _decoded(data: bytes) -> _Frame | None:
    """Return a frame; None if it is not one of Kraken's."""
    try:
        return _frames.decode(data)
    except JSON_ERRORS:
        return None


def _texts(levels: Iterable[_Level]) -> list[tuple[str, str]]:
    return [(bytes(level.price).decode(), bytes(level.qty).decode()) for level in levels]


def _decimals(number: msgspec.Raw) -> int:
    text = bytes(number)[:MAX_TEXT].decode()
    exponent = Decimal(text).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
