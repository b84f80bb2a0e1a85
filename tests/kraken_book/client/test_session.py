"""When a reader stays away, and for how long."""

from __future__ import annotations

import pytest

from kraken_book.client import session
from kraken_book.client.session import MAX_PAUSE, SECONDS_OF_PROOF, ClientSession
from kraken_book.words import explain
from lab.canned_api import told
from lab.written_books import SYMBOL, snapshot, update

STREAM = {"content-type": "text/event-stream"}


class Clock:
    """A clock that stands still unless it is told to go."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(session, "monotonic", made)
    return made


def read(reader: ClientSession, *chunks: bytes) -> None:
    """A stream that opens, says this, and ends."""
    list(reader.answered(200, STREAM))
    for chunk in chunks:
        list(reader.receive(chunk))
    list(reader.end())


def test_who_finds_nobody_comes_back_soon_and_then_more_slowly() -> None:
    reader = ClientSession([SYMBOL])
    pauses = []
    for _ in range(8):
        list(reader.end("refused"))
        pauses.append(reader.pause())
    assert 0.5 <= pauses[0] <= 1.0
    assert all(4.0 <= pause <= 8.0 for pause in pauses[4:])
    assert len(set(pauses)) == 8, "at random, so that readers do not come back as one"


def test_a_stream_that_ends_at_once_is_no_proof_that_all_is_well(clock: Clock) -> None:
    reader = ClientSession([SYMBOL])
    for _ in range(6):
        read(reader, told(snapshot(3)))
        pause = reader.pause()
    assert pause >= 4.0
    list(reader.answered(200, STREAM))
    clock.now += SECONDS_OF_PROOF
    list(reader.end())
    assert reader.pause() <= 1.0


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        (b"retry: 3000\n\n", 3.0, 3.0),
        (b"retry: 1\n\n", 0.5, 1.0),
        (b"retry: 999999999\n\n", 60, 60),
    ],
)
def test_an_api_says_when_to_come_back_within_reason(
    said: bytes, least: float, most: float
) -> None:
    reader = ClientSession([SYMBOL])
    read(reader, told(snapshot(3)), said)
    assert least <= reader.pause() <= most
    assert reader.pause() <= 2.0, "it said so once"


@pytest.mark.parametrize(("after", "least"), [("7", 7.0), ("86400", MAX_PAUSE), ("soon", 0.5)])
def test_a_refusal_says_when_to_come_back(after: str, least: float) -> None:
    reader = ClientSession([SYMBOL])
    list(reader.answered(503, {"retry-after": after}))
    list(reader.end())
    assert least <= reader.pause() <= max(least, 1.0)


def test_an_api_that_always_lies_is_asked_ever_more_slowly(clock: Clock) -> None:
    reader = ClientSession([SYMBOL])
    for _ in range(10):
        read(reader, b"data: lie\n\n")
        pause = reader.pause()
        clock.now += pause
    assert pause >= 30.0


def test_of_many_books_one_that_is_always_wrong_costs_the_others_ever_less(clock: Clock) -> None:
    reader = ClientSession([SYMBOL, "ETH/USD"])
    lived = []
    for _ in range(10):
        list(reader.answered(200, STREAM))
        begun = clock.now
        list(reader.receive(told(snapshot(3), update(9))))
        while not reader.is_over:
            clock.now += 1.0
            list(reader.receive(told(snapshot(3), symbol="ETH/USD")))
        lived.append(clock.now - begun)
        list(reader.end())
    assert lived[0] <= 1.0
    assert lived[-1] >= 30.0


def test_a_book_that_a_snapshot_heals_meanwhile_costs_the_others_nothing(clock: Clock) -> None:
    reader = ClientSession([SYMBOL, "ETH/USD"])
    list(reader.answered(200, STREAM))
    list(reader.receive(told(snapshot(3), update(9))))
    list(reader.receive(told(snapshot(10))))
    clock.now += MAX_PAUSE
    list(reader.receive(b": keep\n\n"))
    assert not reader.is_over
    assert reader.books[SYMBOL].is_live


@pytest.mark.parametrize("waits_for", ["redis", "no-symbols"])
def test_stream_of_all_books_says_once_what_it_waits_for(
    caplog: pytest.LogCaptureFixture, waits_for: str
) -> None:
    reader = ClientSession(["*"])
    comment = b": waiting: %b\n\n" % waits_for.encode()
    read(reader, b": kraken-book\n\n", comment, comment)
    read(reader, comment)
    words = explain("syncing", waits_for)
    assert [record.message.endswith(words) for record in caplog.records].count(True) == 1


def test_stream_whose_books_say_what_they_wait_for_logs_nothing_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = ClientSession([SYMBOL])
    list(reader.answered(200, STREAM))
    list(reader.receive(b": waiting: redis\n\n" + told(snapshot(3))))
    assert not caplog.records
