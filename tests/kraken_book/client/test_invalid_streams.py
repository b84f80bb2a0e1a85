"""Streams that are wrong, end early, never end or repeat events.

The sockets and the client are real; the api is scripted.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kraken_book import Watch
from kraken_book.client.patience import Patience
from kraken_book.client.sse import MAX_BYTES
from lab.canned_api import HOLD, CannedApi, endless, sse_events, stream
from lab.written_books import SYMBOL, snapshot, status, update, updates
from tests.kraken_book.client.reader import (
    OTHER,
    assert_right,
    live_at,
    quick_watch,
    read_until,
    shown,
    wrong_event,
)

INVALID = {
    "a wrong checksum": (wrong_event("update", checksum=1), "checksum"),
    "no checksum": (wrong_event("update", checksum=None), "unverified"),
    "a missing event": (sse_events(update(6)), "gap"),
    "an impossible level": (wrong_event("update", bids=[["1e9", "0.123456789"]]), "level"),
    "a snapshot of another book": (
        wrong_event("snapshot", bids=[["7.0", "1.00000000"]]),
        "checksum",
    ),
    "a snapshot that is too deep": (wrong_event("snapshot", depth=10**6), "level"),
    "broken JSON": (b'data: {"symbol":"BTC/USD","kin\n\n', "disconnected"),
    "JSON of another kind": (b"data: [1,2,3]\n\n", "disconnected"),
    "an unknown kind": (wrong_event("update", kind="rumour"), "disconnected"),
    "bytes that are not UTF-8": (b'data: {"symbol":"\xff"}\n\n', "disconnected"),
    "a book that was not requested": (sse_events(snapshot(5), symbol=OTHER), "disconnected"),
    "an endless line": (b"data: " + b"x" * (MAX_BYTES + 1), "disconnected"),
}


@pytest.mark.parametrize("name", INVALID)
def test_no_book_is_live_after_invalid_data_until_a_fresh_snapshot(name: str) -> None:
    data, reason = INVALID[name]
    invalid = stream(sse_events(snapshot(3), update(4)), data, sse_events(*updates(5, 9)), HOLD)
    with CannedApi(invalid, stream(sse_events(snapshot(20), update(21)), HOLD)) as api:
        seen = read_until(api, live_at(21))
    assert seen[:2] == ["live 3", "live 4"]
    assert seen[2].endswith(reason)
    assert not [word for word in seen[2:-2] if word.startswith("live")]
    assert seen[-2:] == ["live 20", "live 21"]
    assert "last-event-id" not in api.requests[1].headers, "a snapshot was not requested"


def test_repeated_events_change_nothing() -> None:
    repeated = sse_events(snapshot(3), update(4), update(4), update(3), snapshot(3), update(5))
    with CannedApi(stream(repeated, HOLD)) as api:
        assert read_until(api, live_at(5)) == ["live 3", "live 4", "live 5"]
    assert len(api.requests) == 1


@pytest.mark.parametrize("cut", [1, 10, 60, -1])
def test_stream_cut_within_an_event_resumes_after_the_last_whole_event(cut: int) -> None:
    begun = stream(sse_events(snapshot(3), update(4)), sse_events(update(5))[:cut])
    with CannedApi(begun, stream(sse_events(update(5), update(6)), HOLD)) as api:
        seen = read_until(api, live_at(6))
    reconnection = ["stale disconnected", "live 4"]
    assert seen == ["live 3", "live 4", *reconnection, "live 5", "live 6"]
    assert api.requests[1].headers["last-event-id"] == "1000-4"


def test_stream_of_many_books_resumes_from_its_last_watermark() -> None:
    both = sse_events(snapshot(3)) + sse_events(snapshot(3), symbol=OTHER)
    again = sse_events(update(4), symbol=OTHER) + sse_events(snapshot(3), update(4))
    with CannedApi(stream(both), stream(again, HOLD)) as api:
        read_until(api, lambda book: book.symbol == SYMBOL and live_at(4)(book), SYMBOL, OTHER)
    assert api.requests[0].target == "/stream?symbols=BTC%2FUSD,ETH%2FUSD"
    assert api.requests[1].headers["last-event-id"] == "1000-3"


def test_doubt_about_one_of_many_books_leaves_the_others_live_until_the_restart() -> None:
    both = sse_events(snapshot(3)) + sse_events(snapshot(3), symbol=OTHER)
    others = [sse_events(update(seq), symbol=OTHER) for seq in range(4, 9)]
    fresh = stream(sse_events(snapshot(30)) + sse_events(snapshot(30), symbol=OTHER), HOLD)
    seen: dict[str, list[str]] = {SYMBOL: [], OTHER: []}

    def invalid() -> Iterator[bytes]:
        yield from stream(both, wrong_event("update", seq=4, checksum=1), *others)
        while len(api.requests) == 1:
            yield b": on\n\n"

    with CannedApi(invalid(), fresh) as api:
        for book in quick_watch(api.url, SYMBOL, OTHER):
            assert_right(book)
            seen[book.symbol].append(shown(book))
            if live_at(30)(book) and book.symbol == OTHER:
                break
    assert seen[SYMBOL][:2] == ["live 3", "syncing checksum"]
    assert seen[OTHER][:6] == [f"live {seq}" for seq in range(3, 9)]
    assert seen[SYMBOL][-1] == "live 30"
    assert "last-event-id" not in api.requests[1].headers


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"])
def test_endless_line_is_read_to_a_limit(piece: bytes) -> None:
    with CannedApi(endless(piece), stream(sse_events(snapshot(9)), HOLD)) as api:
        read_until(api, live_at(9))
        # The system's buffers hold the bytes beyond the client's limit.
        assert api.bytes_sent < 16 * MAX_BYTES


def test_silent_api_is_abandoned() -> None:
    with CannedApi(
        stream(sse_events(snapshot(3)), HOLD), stream(sse_events(update(4)), HOLD)
    ) as api:
        books = Watch(api.url, (SYMBOL,), patience=Patience(silence=1.0, max_pause=0.0))
        assert next(book for book in books if live_at(4)(book))
    assert api.requests[1].headers["last-event-id"] == "1000-3"


def test_status_of_the_collector_is_shown() -> None:
    with CannedApi(stream(sse_events(snapshot(3), status(4, "syncing"), snapshot(8)), HOLD)) as api:
        assert read_until(api, live_at(8)) == ["live 3", "syncing 4", "live 8"]


def test_stream_that_opens_without_a_book_is_followed() -> None:
    no_book = b'{"kind":"status","symbol":"BTC/USD","seq":null,"epoch":null,"status":"syncing",'
    no_book += b'"reason":"redis","at":"now"}'
    opening = stream(b"data: " + no_book + b"\n\n", sse_events(snapshot(3)), HOLD)
    with CannedApi(opening) as api:
        assert read_until(api, live_at(3)) == ["syncing redis", "live 3"]


def test_id_that_is_invalid_in_a_header_is_not_sent_back() -> None:
    hostile = sse_events(snapshot(3)).replace(b"id: 1000-3", b"id: \xff\x1b" + b"x" * 200)
    with CannedApi(stream(hostile), stream(sse_events(snapshot(9)), HOLD)) as api:
        read_until(api, live_at(9))
    assert "last-event-id" not in api.requests[1].headers
