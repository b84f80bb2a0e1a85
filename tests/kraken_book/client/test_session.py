"""The session: its pauses, its limits, and the reasons that it logs."""

from __future__ import annotations

import pytest

from kraken_book import Unreachable
from kraken_book.client.outage import Failure
from kraken_book.client.patience import Patience
from kraken_book.client.refused import Server
from kraken_book.client.session import MAX_DOUBT_SECONDS, ClientSession
from kraken_book.words import explain
from lab.canned_api import sse_events
from lab.written_books import SYMBOL, snapshot, update
from tests.kraken_book.client.clock import Clock

STREAM = {"content-type": "text/event-stream"}


def read_stream(session: ClientSession, *chunks: bytes) -> None:
    """Let a stream open, send `chunks`, and end."""
    list(session.receive_head(200, STREAM))
    for chunk in chunks:
        list(session.receive_body(chunk))
    list(session.end())


def test_pauses_without_an_answer_grow_at_random() -> None:
    session = ClientSession([SYMBOL])
    pauses = []
    for _ in range(8):
        list(session.end(Failure("refused", Unreachable)))
        pauses.append(session.pause())
    assert 0.5 <= pauses[0] <= 1.0
    assert all(4.0 <= pause <= 8.0 for pause in pauses[4:])
    assert len(set(pauses)) == 8


def test_pauses_start_small_again_only_after_a_long_stream(clock: Clock) -> None:
    session = ClientSession([SYMBOL], clock=clock)
    for _ in range(6):
        read_stream(session, sse_events(snapshot(3)))
        pause = session.pause()
    assert pause >= 4.0
    list(session.receive_head(200, STREAM))
    clock.now += Patience().proof
    list(session.end())
    assert session.pause() <= 1.0


@pytest.mark.parametrize(
    ("message", "least", "most"),
    [
        (b"retry: 3000\n\n", 3.0, 3.0),
        (b"retry: 1\n\n", 0.5, 1.0),
        (b"retry: 999999999\n\n", 60, 60),
    ],
)
def test_retry_of_the_api_sets_one_pause_up_to_a_limit(
    message: bytes, least: float, most: float
) -> None:
    session = ClientSession([SYMBOL])
    read_stream(session, sse_events(snapshot(3)), message)
    assert least <= session.pause() <= most
    assert session.pause() <= 2.0


@pytest.mark.parametrize(
    ("after", "least"), [("7", 7.0), ("86400", Patience().max_pause), ("soon", 0.5)]
)
def test_retry_after_of_a_refusal_sets_the_pause(after: str, least: float) -> None:
    session = ClientSession([SYMBOL])
    list(session.receive_head(503, {"retry-after": after}))
    list(session.end())
    assert least <= session.pause() <= max(least, 1.0)


def test_pauses_grow_if_the_api_always_sends_invalid_data(clock: Clock) -> None:
    session = ClientSession([SYMBOL], clock=clock)
    for _ in range(10):
        read_stream(session, b"data: invalid\n\n")
        pause = session.pause()
        clock.now += pause
    assert pause >= 30.0


def test_book_that_is_always_invalid_restarts_the_stream_of_many_ever_later(clock: Clock) -> None:
    session = ClientSession([SYMBOL, "ETH/USD"], clock=clock)
    durations = []
    for _ in range(10):
        list(session.receive_head(200, STREAM))
        begun = clock.now
        list(session.receive_body(sse_events(snapshot(3), update(9))))
        while not session.is_over:
            clock.now += 1.0
            list(session.receive_body(sse_events(snapshot(3), symbol="ETH/USD")))
        durations.append(clock.now - begun)
        list(session.end())
    assert durations[0] <= 1.0
    assert durations[-1] >= 30.0


def test_stream_of_many_is_not_restarted_if_a_snapshot_restores_the_book(clock: Clock) -> None:
    session = ClientSession([SYMBOL, "ETH/USD"], clock=clock)
    list(session.receive_head(200, STREAM))
    list(session.receive_body(sse_events(snapshot(3), update(9))))
    list(session.receive_body(sse_events(snapshot(10))))
    clock.now += MAX_DOUBT_SECONDS
    list(session.receive_body(b": keep\n\n"))
    assert not session.is_over
    assert session.books[SYMBOL].is_live


def test_stream_of_many_that_breaks_with_an_invalid_book_is_not_resumed(clock: Clock) -> None:
    session = ClientSession([SYMBOL, "ETH/USD"], clock=clock)
    other = sse_events(snapshot(3), symbol="ETH/USD")
    # The connection breaks before the stream is restarted for a snapshot of the invalid book.
    read_stream(session, sse_events(snapshot(3), update(9)), other)
    assert "Last-Event-ID" not in session.headers
    read_stream(session, sse_events(snapshot(10)), other)
    assert session.headers["Last-Event-ID"] == "1000-3"
    list(session.receive_head(200, STREAM))
    assert session.books[SYMBOL].is_live


def test_silent_stream_is_closed_even_if_a_restart_became_needless(clock: Clock) -> None:
    session = ClientSession([SYMBOL, "ETH/USD"], clock=clock)
    list(session.receive_head(200, STREAM))
    list(session.receive_body(sse_events(snapshot(3)) + sse_events(update(5))))
    list(session.receive_body(sse_events(snapshot(6))))
    clock.now += Patience().silence
    list(session.receive_body(b"data: half"))
    assert session.is_over


def test_invented_symbols_are_accepted_up_to_a_limit() -> None:
    session = ClientSession(["*"], max_books=20)
    invented = [sse_events(snapshot(3), symbol=f"A{number}/USD") for number in range(50)]
    list(session.receive_head(200, STREAM))
    seen = [book.status for chunk in invented for book in session.receive_body(chunk)]
    assert seen == ["live"] * 20
    assert session.is_over
    assert [book.status for book in session.end()] == ["stale"] * 20


def test_stream_of_comments_is_not_silent() -> None:
    session = ClientSession([SYMBOL], patience=Patience(silence=0.0))
    list(session.receive_head(200, STREAM))
    for _ in range(3):
        list(session.receive_body(b":\n"))
        assert not session.is_over


@pytest.mark.parametrize("reason", ["redis", "no-symbols"])
def test_stream_of_all_books_logs_once_why_it_waits(
    caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    session = ClientSession(["*"])
    comment = b": waiting: %b\n\n" % reason.encode()
    read_stream(session, b": kraken-book\n\n", comment, comment)
    read_stream(session, comment)
    line = f"the api: stream waits: {explain('syncing', reason)}"
    assert [record.message for record in caplog.records].count(line) == 1


def test_stream_with_a_book_does_not_log_why_it_waits(caplog: pytest.LogCaptureFixture) -> None:
    session = ClientSession([SYMBOL])
    list(session.receive_head(200, STREAM))
    list(session.receive_body(b": waiting: redis\n\n" + sse_events(snapshot(3))))
    assert not caplog.records


def test_invalid_book_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    session = ClientSession([SYMBOL], Server("http://here"))
    read_stream(session, sse_events(snapshot(3), update(9)))
    line = caplog.messages[0]
    assert line.startswith(f"http://here: book in doubt: {SYMBOL}: event")
    assert line.endswith("; requesting a snapshot")
