"""The reader with the Python client: its record of statuses, its counts, and its errors.

The api is canned; the sockets and the client are real.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kraken_book import LiveBook
from kraken_book.client.patience import Patience
from kraken_book.event import Event, decode_event
from lab.canned_api import HOLD, Answer, CannedApi, problem, sse, sse_events, stream
from lab.sse.account import Tally
from lab.sse.client_reader import ClientReader
from lab.sse.record import Record
from lab.waiting import wait_for
from lab.written_books import SYMBOL, snapshot, update, updates

NO_PAUSES = Patience(max_pause=0.0)


def reader_of(api: CannedApi) -> ClientReader:
    """Return a reader whose client reconnects at once."""
    return ClientReader(api.url, SYMBOL, patience=NO_PAUSES)


def record_of(*answers: Answer, live_at: int) -> Record:
    """Return the record of a reader when its book is live at a seq."""
    with CannedApi(*answers) as api, reader_of(api) as reader:
        reader.wait_until_live(SYMBOL, after=live_at - 1)
    return reader.record


def words_of(*answers: Answer, live_at: int) -> list[str]:
    return [word.text for word in record_of(*answers, live_at=live_at).words]


def error_of(*answers: Answer) -> str:
    """Return the error of a reader."""
    with CannedApi(*answers) as api, reader_of(api) as reader:
        return wait_for(lambda: reader.error, "the reader has an error")


def change(word: str, reason: str | None, seq: int | None = None) -> bytes:
    """Return a status event, the collector's with a seq or the api's without one."""
    event: dict[str, Any] = {"symbol": SYMBOL, "kind": "status", "status": word, "reason": reason}
    epoch = None if seq is None else 7
    event |= {"seq": seq, "epoch": epoch, "at": "2026-08-02T03:35:51.660084Z"}
    return sse(None if seq is None else f"1000-{seq}", msgspec.json.encode(event))


def broken(*pieces: bytes) -> Answer:
    """Return a stream that is shorter than its content-length."""
    head, *rest = stream(*pieces)
    return [head.removesuffix(b"\r\n") + b"content-length: 1000000\r\n\r\n", *rest]


def test_record_has_reason_of_collectors_doubt_until_snapshot() -> None:
    pieces = (
        sse_events(snapshot(3)),
        change("syncing", "checksum", 4),
        sse_events(snapshot(5), update(6)),
    )
    assert words_of(stream(*pieces, HOLD), live_at=6) == ["live", "syncing: checksum", "live"]


def test_record_has_statuses_of_collector_and_api_until_each_ends() -> None:
    pieces = (
        *(sse_events(snapshot(3)), change("stale", "age"), change("syncing", "silent", 4)),
        *(sse_events(snapshot(5)), change("live", None), sse_events(update(6))),
    )
    words = words_of(stream(*pieces, HOLD), live_at=6)
    assert words == ["live", "stale: age", "syncing: silent", "stale: age", "live"]


def test_record_is_stale_while_client_is_disconnected() -> None:
    answers = stream(sse_events(snapshot(3))), stream(sse_events(update(4)), HOLD)
    assert words_of(*answers, live_at=4) == ["live", "stale: disconnected", "live"]


def test_tally_counts_broken_streams_among_interruptions() -> None:
    record = record_of(
        *(
            stream(sse_events(snapshot(3))),
            broken(sse_events(update(4))),
            stream(sse_events(update(5))),
        ),
        *(problem(503), stream(sse_events(update(6)), HOLD)),
        live_at=6,
    )
    assert record.account.tally == Tally(events=4, interruptions=3, cuts=1)


def test_longest_wait_ends_with_numbered_event() -> None:
    now = 100.0
    record, book = Record(SYMBOL, may_repeat=False, clock=lambda: now), LiveBook(SYMBOL)

    def take(event: Event) -> None:
        book.apply(event)
        record.take(book, None)

    take(decoded(sse_events(snapshot(3))))
    now = 104.0
    take(decoded(change("stale", "age")))
    now = 107.0
    take(decoded(sse_events(update(4))))
    now = 108.0
    assert record.longest_wait() == 7.0
    assert record.longest_wait() == 0.0


def decoded(message: bytes) -> Event:
    return decode_event(message.partition(b"data: ")[2])


WRONG: dict[str, Answer] = {
    "repeated event": stream(sse_events(snapshot(3), update(4), update(4), update(5)), HOLD),
    "missing event": stream(sse_events(snapshot(3), *updates(5, 6)), HOLD),
    "wrong checksum": stream(
        sse_events(snapshot(3)),
        sse_events(update(4)).replace(b'"checksum":', b'"checksum":1'),
        HOLD,
    ),
    "unknown symbol": problem(404),
}


@pytest.mark.parametrize("name", WRONG)
def test_reader_fails_if_api_breaks_the_contract(name: str) -> None:
    assert SYMBOL in error_of(WRONG[name], stream(sse_events(snapshot(9)), HOLD))


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_reader_fails_if_clients_book_differs_from_ladder(
    side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveBook, side, property(lambda _book: []))
    assert f"the client's {side} are wrong" in error_of(stream(sse_events(snapshot(3)), HOLD))
