"""Every frame that differs in one byte from Kraken's usual form, and more: none is misread in C.

A frame that the compiled path takes must have the same effect as in pure Python. A frame that it
does not take must have no effect. `KRAKEN_BOOK_FUZZ=4` tries every byte, and longer spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from collector.feed.hot_path import PURE, HotPath
from collector.feed.timestamp import Timestamp
from lab.frame_mutations import FORMS
from lab.naive_book import NaiveBook, TextLevel
from lab.observed_session import ObservedSession, assert_same, observe
from lab.random_scripts import times_longer
from lab.session_script import (
    START_STEADY_NS,
    START_UNIX_NS,
    Open,
    Pair,
    Script,
    Send,
    SymbolAction,
    World,
    book_frame,
    instruments_frame,
    iso_time,
)

BTC = Pair("BTC/USD", 1, 8, 633_810)
BIDS = [("63380.9", "1.00000000"), ("63380.8", "2.50000000"), ("9999.0", "0.00005100")]
ASKS = [("63381.0", "1.00000000"), ("63381.1", "12.34567800"), ("100000.5", "7.00000000")]
READ_AT = Timestamp(START_UNIX_NS, START_STEADY_NS)
TIME = iso_time(START_UNIX_NS - 10**8)


def frame_of(bids: list[TextLevel], asks: list[TextLevel], kind: str = "update") -> bytes:
    """Return a frame that is right after the first snapshot."""
    naive = NaiveBook()
    naive.snapshot(BIDS, ASKS)
    if kind == "update":
        naive.frame(bids, asks)
    return book_frame(kind, BTC.quoted, bids, asks, naive.checksum, TIME)


SNAPSHOT = frame_of(BIDS, ASKS, "snapshot")
UPDATE = frame_of(
    [("63380.9", "0.00000000"), ("63380.7", "10.00000001")], [("63381.0", "3.00000000")]
)
ONE_SIDE = frame_of([], [("63381.1", "0.50000000")])


class Probe:
    """Asks a compiled session whether it takes a frame, and compares the effect if it does."""

    def __init__(self, compiled: HotPath) -> None:
        self._compiled = compiled
        self.taken = self.left = 0
        self._session = self._new_session()

    def try_frame(self, frame: bytes) -> None:
        before = self._state()
        at = self._session.session.take_plain([frame], 0, READ_AT)
        if at:
            self.taken += 1
            self._session = self._new_session()
            script = self._script(frame, UPDATE, ONE_SIDE)
            assert_same(observe(script, self._compiled, 300), observe(script, PURE, 1))
        else:
            self.left += 1
            assert self._state() == before, f"{frame!r} was not taken, but has changed the book"

    def _new_session(self) -> ObservedSession:
        script = self._script()
        session = ObservedSession(script.world, self._compiled, 300)
        session.play(script)
        return session

    def _script(self, *frames: bytes) -> Script:
        # The first update is sampled for the lag, and no other one before 50 ms have passed.
        sent = [instruments_frame([BTC]), SNAPSHOT, frame_of([], []), *frames]
        look = SymbolAction("look", BTC.symbol)
        world = World((BTC,), 10, 100_000, 100_000)
        return Script(world, (Open(BTC.symbol, 1, 0), *map(Send, sent), look))

    def _state(self) -> tuple[object, ...]:
        book = self._session.books[BTC.symbol]
        queue = self._session.queues[BTC.symbol]
        assert book.book is not None
        sides = (book.book.bids.json, book.book.asks.json, book.book.checksum())
        return (*sides, book.checksum, book.exchange_time, book.read_at, queue.seq, queue.waiting)


# All bytes in a long search, else those that JSON, numbers and times are made of, and odd ones.
SOME = b'\x00\x1f !"+,-./0159:;EZ[\\]_etz{}\x7f\x80\xc3\xff'
BYTES = bytes(range(256)) if times_longer(1) > 1 else SOME


def set_bytes(frame: bytes) -> Iterator[bytes]:
    for at in range(len(frame)):
        for byte in BYTES:
            yield frame[:at] + bytes((byte,)) + frame[at + 1 :]


def inserted_bytes(frame: bytes) -> Iterator[bytes]:
    for at in range(len(frame) + 1):
        for byte in BYTES:
            yield frame[:at] + bytes((byte,)) + frame[at:]


def deleted_spans(frame: bytes) -> Iterator[bytes]:
    for at in range(len(frame)):
        for length in range(1, times_longer(12)):
            yield frame[:at] + frame[at + length :]


def repeated_spans(frame: bytes) -> Iterator[bytes]:
    for at in range(len(frame)):
        for length in range(1, times_longer(12)):
            yield frame[: at + length] + frame[at : at + length] + frame[at + length :]


def truncated(frame: bytes) -> Iterator[bytes]:
    for at in range(len(frame)):
        yield frame[:at]
        yield frame[at:]
        yield frame[:at] + b"\x00" * (len(frame) - at)
        yield frame + frame[:at]


def swapped(frame: bytes) -> Iterator[bytes]:
    for at in range(len(frame) - 1):
        for other in range(at + 1, min(at + times_longer(4), len(frame))):
            changed = bytearray(frame)
            changed[at], changed[other] = frame[other], frame[at]
            yield bytes(changed)


@pytest.mark.parametrize("frame", [UPDATE, ONE_SIDE], ids=["both-sides", "one-side"])
@pytest.mark.parametrize(
    "changes", [set_bytes, inserted_bytes, deleted_spans, repeated_spans, truncated, swapped]
)
def test_no_frame_with_a_small_change_is_misread(
    compiled: HotPath, frame: bytes, changes: Callable[[bytes], Iterator[bytes]]
) -> None:
    probe = Probe(compiled)
    probe.try_frame(frame)
    assert probe.taken == 1, "the unchanged frame is taken"
    for changed in changes(frame):
        probe.try_frame(changed)
    assert probe.left > 100


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_frame_in_another_form_has_the_same_effect(compiled: HotPath, form: int) -> None:
    probe = Probe(compiled)
    for frame in (UPDATE, ONE_SIDE):
        probe.try_frame(FORMS[form](frame))
