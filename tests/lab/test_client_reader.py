"""The reader on the client: what it calls a book, how it counts, and what it never lets pass.

The api here says what the test wants; the sockets and the client are real.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kraken_book import LiveBook
from kraken_book.client.session import ClientSession
from kraken_book.event import Event, decode_event
from lab.canned_api import HOLD, Answer, CannedApi, problem, sse, stream, told
from lab.sse.account import Tally
from lab.sse.client_reader import ClientReader
from lab.sse.record import Record
from lab.waiting import wait_for
from lab.written_books import SYMBOL, snapshot, update, updates


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back at once."""
    monkeypatch.setattr(ClientSession, "pause", lambda _self: 0.0)


def record_of(*answers: Answer, live_at: int) -> Record:
    """What a reader has seen when its book is live at a seq."""
    with CannedApi(*answers) as api, ClientReader(api.url, SYMBOL) as reader:
        reader.wait_until_live(SYMBOL, after=live_at - 1)
    return reader.record


def words_of(*answers: Answer, live_at: int) -> list[str]:
    return [word.text for word in record_of(*answers, live_at=live_at).words]


def error_of(*answers: Answer) -> str:
    """What it says should never be."""
    with CannedApi(*answers) as api, ClientReader(api.url, SYMBOL) as reader:
        return wait_for(lambda: reader.error, "it is told")


def change(word: str, reason: str | None, seq: int | None = None) -> bytes:
    """A status: the collector's with a seq, the api's without."""
    event: dict[str, Any] = {"symbol": SYMBOL, "kind": "status", "status": word, "reason": reason}
    epoch = None if seq is None else 7
    event |= {"seq": seq, "epoch": epoch, "at": "2026-08-02T03:35:51.660084Z"}
    return sse(None if seq is None else f"1000-{seq}", msgspec.json.encode(event))


def broken(*pieces: bytes) -> Answer:
    """A stream that breaks before it has said all that it promised."""
    head, *rest = stream(*pieces)
    return [head.removesuffix(b"\r\n") + b"content-length: 1000000\r\n\r\n", *rest]


def test_a_doubt_of_the_collector_has_its_reason_and_ends_with_a_snapshot() -> None:
    pieces = told(snapshot(3)), change("syncing", "checksum", 4), told(snapshot(5), update(6))
    assert words_of(stream(*pieces, HOLD), live_at=6) == ["live", "syncing: checksum", "live"]


def test_the_words_of_collector_and_api_are_both_told_and_end_each_by_its_own() -> None:
    pieces = (
        *(told(snapshot(3)), change("stale", "age"), change("syncing", "silent", 4)),
        *(told(snapshot(5)), change("live", None), told(update(6))),
    )
    words = words_of(stream(*pieces, HOLD), live_at=6)
    assert words == ["live", "stale: age", "syncing: silent", "stale: age", "live"]


def test_without_a_connection_no_book_is_live() -> None:
    answers = stream(told(snapshot(3))), stream(told(update(4)), HOLD)
    assert words_of(*answers, live_at=4) == ["live", "stale: disconnected", "live"]


def test_of_all_interruptions_those_that_broke_a_stream_are_counted_apart() -> None:
    record = record_of(
        *(stream(told(snapshot(3))), broken(told(update(4))), stream(told(update(5)))),
        *(problem(503), stream(told(update(6)), HOLD)),
        live_at=6,
    )
    assert record.account.tally == Tally(events=4, interruptions=3, cuts=1)


def test_the_longest_wait_is_for_a_numbered_event(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("lab.sse.record.time.monotonic", lambda: now)
    record, book = Record(SYMBOL, may_repeat=False), LiveBook(SYMBOL)

    def take(event: Event) -> None:
        book.apply(event)
        record.take(book, None)

    take(decoded(told(snapshot(3))))
    now = 104.0
    take(decoded(change("stale", "age")))
    now = 107.0
    take(decoded(told(update(4))))
    now = 108.0
    assert record.longest_wait() == 7.0
    assert record.longest_wait() == 0.0


def decoded(message: bytes) -> Event:
    return decode_event(message.partition(b"data: ")[2])


WRONG: dict[str, Answer] = {
    "an event comes twice": stream(told(snapshot(3), update(4), update(4), update(5)), HOLD),
    "an event is missing": stream(told(snapshot(3), *updates(5, 6)), HOLD),
    "the client doubts": stream(
        told(snapshot(3)), told(update(4)).replace(b'"checksum":', b'"checksum":1'), HOLD
    ),
    "no symbol of that name": problem(404),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_honest_api_does_is_an_error(name: str) -> None:
    assert SYMBOL in error_of(WRONG[name], stream(told(snapshot(9)), HOLD))


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_client_that_hands_out_another_book_is_an_error(
    side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveBook, side, property(lambda _book: []))
    assert f"the client's {side} are wrong" in error_of(stream(told(snapshot(3)), HOLD))
