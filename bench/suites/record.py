"""Recording, proving and exporting the events of many books, in one thread.

The events of 200 simulated books become a stream of the api, which a client's session verifies and
a recorder writes, with a flush as often as at 5,000 events a second. Then the files are verified
and exported. The size of the files is compared with the CSV of Tardis (gzip) and with the events as
lines of JSON (zstd, level 3), of the same events.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import NamedTuple

from bench.load.flood import symbols_of
from bench.load.tape import Rate, Tape
from bench.report.rows import Row
from bench.suite import MeasureFailed, Progress, share_of
from collector.venues.kraken.book_feed import parse_levels
from collector.venues.kraken.frames import BookFrame, decode_frame
from kraken_book.book import Book
from kraken_book.book_snapshot import snapshot_of
from kraken_book.client.session import ClientSession
from kraken_book.event import render_snapshot, render_update
from kraken_book.precision import Precision
from kraken_book.recording.export.export import export_books
from kraken_book.recording.export.formats import FORMATS
from kraken_book.recording.reader import find_book_files
from kraken_book.recording.recorder import Recorder
from kraken_book.recording.replay import TimeRange
from kraken_book.recording.verify import verify_book_files
from kraken_book.timestamps import rfc3339
from simulator.market.catalogue import profile_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BOOKS = 200
RATE = 5000
SECONDS = 40
FLUSH_EVENTS = RATE // 2
DEPTH = 10
_BEGIN_NS = 1_785_641_751_702_114_000
_TIME = rfc3339(_BEGIN_NS)
_HEAD = {"content-type": "text/event-stream"}


class Recorded(NamedTuple):
    """The figures of one run; rates are for a second of CPU."""

    events: int
    recorded: float
    rows: float
    verified: float
    exported: float
    megabytes: float
    """For a million events, like the next ones."""
    tardis_megabytes: float
    json_megabytes: float


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Record, verify and export; return rates and sizes."""
    progress.expect(4)
    progress("the events")
    symbols = symbols_of(share_of(BOOKS, scale))
    events = _events(symbols, share_of(SECONDS, scale))
    with tempfile.TemporaryDirectory() as folder:
        found = _measured(symbols, events, Path(folder), progress)
    what = f"record: {len(symbols)} books"
    yield Row(what=what, ours=found.recorded, unit="events/s")
    yield Row(what="record: rows", ours=found.rows, unit="rows/s", is_detail=True)
    yield Row(what="verify", ours=found.verified, unit="events/s")
    yield Row(what="export: CSV of Tardis", ours=found.exported, unit="events/s", is_detail=True)
    yield Row(
        what="a million events as book files",
        ours=found.megabytes,
        unit="MB",
        beside="CSV of Tardis, gzip",
        theirs=found.tardis_megabytes,
        ratio=found.megabytes / found.tardis_megabytes,
    )
    yield Row(
        what="the same",
        ours=found.megabytes,
        unit="MB",
        beside="NDJSON, zstd",
        theirs=found.json_megabytes,
        ratio=found.megabytes / found.json_megabytes,
    )


def _measured(
    symbols: Sequence[str], events: Sequence[bytes], folder: Path, progress: Progress
) -> Recorded:
    progress("recording")
    begun = process_time()
    rows = _record(symbols, events, folder / "rec")
    recording = process_time() - begun
    progress("verifying")
    files = find_book_files([folder / "rec"])
    begun = process_time()
    verdicts = list(verify_book_files(files))
    verifying = process_time() - begun
    if sum(each.verified for each in verdicts) != len(events):
        raise MeasureFailed("not every event was recorded and verified")
    progress("exporting")
    begun = process_time()
    list(export_books(files, folder / "csv", FORMATS["tardis"], TimeRange()))
    exporting = process_time() - begun
    million = 1e6 / len(events) / 1e6
    return Recorded(
        len(events),
        len(events) / recording,
        rows / recording,
        len(events) / verifying,
        len(events) / exporting,
        _size(folder / "rec", "*.parquet") * million,
        _size(folder / "csv", "*.gz") * million,
        len(zstd.compress(b"\n".join(events), level=3)) * million,
    )


def _record(symbols: Sequence[str], events: Sequence[bytes], root: Path) -> int:
    """Record the events; return the number of rows."""
    recorder = Recorder(root)
    recorder.recover()
    session = ClientSession(symbols)
    list(session.receive_head(200, _HEAD))
    for number, event in enumerate(events, 1):
        for book in session.receive_body(b"id: %d\ndata: %b\n\n" % (number, event)):
            recorder.record(book, session.last_id)
        if number % FLUSH_EVENTS == 0:
            recorder.write(recorder.take_steps())
    return sum(line.file.rows for line in recorder.close())


def _events(symbols: Sequence[str], seconds: float) -> list[bytes]:
    """Return the events of all books in the order of a market; the snapshots first."""
    tape = Tape(symbols, [Rate(float(RATE), seconds)], depth=DEPTH)
    books: dict[str, Book] = {}
    seqs = dict.fromkeys(symbols, 1)
    events = []
    for symbol in symbols:
        instrument = profile_of(symbol).instrument
        precision = Precision(instrument.price_precision, instrument.qty_precision)
        book = books[symbol] = Book(symbol, DEPTH, precision)
        frame = next(iter(tape.frames(symbol)))
        checksum = _apply(book, frame, is_snapshot=True)[2]
        view = snapshot_of(book, "simulated", checksum, _TIME)
        events.append(render_snapshot(view, 1, 1, _TIME, None))
    rng = random.Random(1)
    for due, symbol, frame in tape.stamped():
        sent = _BEGIN_NS + int(due * 1e9)
        times = rfc3339(sent), rfc3339(sent + rng.randrange(200_000, 5_000_000))
        book = books[symbol]
        seqs[symbol] += 1
        bids, asks, checksum = _apply(book, frame[frame.index(b'{"') :], is_snapshot=False)
        events.append(render_update(book, seqs[symbol], 1, bids, asks, checksum, *times))
    return events


def _apply(book: Book, data: bytes, *, is_snapshot: bool) -> tuple[list, list, int]:  # type: ignore[type-arg]
    frame = decode_frame(data)
    assert isinstance(frame, BookFrame)
    (entry,) = frame.data
    bids, asks = parse_levels(entry, book.precision)
    (book.replace if is_snapshot else book.update)(bids, asks)
    return bids, asks, entry.checksum


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.rglob(pattern))
