"""`replay` yields the books of a recording as `watch` did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from kraken_book import DamagedRecording, Unusable, replay
from kraken_book.client.live_book import LiveBook
from kraken_book.event import StatusChange, Update
from kraken_book.level import Best
from kraken_book.recording.recorded import RecordedEvent
from tests.kraken_book.recording.made import START, events_of, write_file

Read = Callable[..., list[tuple[str, int | None, str, int]]]


def shown(book: LiveBook) -> tuple[str, int | None, str, int]:
    return (book.symbol, book.seq, book.status, len(book.bids))


def read_at_once(*arguments: object, **options: object) -> list[tuple[str, int | None, str, int]]:
    return [shown(book) for book in replay(*arguments, **options)]  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_file(tmp_path, events_of("BTC/USD"))
    write_file(tmp_path, events_of("ETH/USD", start=START + 500))
    return tmp_path


def test_replay_yields_each_book_after_each_event_in_the_order_of_time(root: Path) -> None:
    expected = [
        (symbol, seq, "live", seq) for seq in range(1, 5) for symbol in ("BTC/USD", "ETH/USD")
    ]
    assert read_at_once(root) == expected


async def test_replay_is_the_same_with_asyncio(root: Path) -> None:
    books = replay(root)
    assert [shown(book) async for book in books] == read_at_once(root)
    assert books.books.keys() == {"BTC/USD", "ETH/USD"}
    # Another iteration begins anew.
    assert [shown(book) async for book in books] == read_at_once(root)


@pytest.mark.parametrize("names", [["btc-usd"], [["BTC/USD"]], ["BTC/*"], ["*,!ETH/USD"]])
def test_replay_of_some_symbols(root: Path, names: list[str]) -> None:
    assert {symbol for symbol, *_ in read_at_once(root, *names)} == {"BTC/USD"}


def test_event_of_a_replay_has_the_best_levels_after_it(root: Path) -> None:
    *_, book = replay(root, "BTC/USD")
    assert isinstance(book.event, Update)
    assert book.event.best_bid == Best("103.0", "1.00000000")
    assert book.event.best_ask == Best("200.0", "4.50000000")
    assert book.event.spread == "97.0"


@pytest.mark.parametrize(
    "start", ["2026-11-27T16:00:00.002Z", datetime(2026, 11, 27, 16, 0, 0, 2000, tzinfo=UTC)]
)
def test_replay_begins_with_the_books_as_they_were_then(root: Path, start: str | datetime) -> None:
    assert read_at_once(root, "BTC/USD", start=start) == [
        ("BTC/USD", 3, "live", 3),
        ("BTC/USD", 4, "live", 4),
    ]
    assert read_at_once(root, "BTC/USD", end=start) == [
        ("BTC/USD", 1, "live", 1),
        ("BTC/USD", 2, "live", 2),
    ]


def test_replay_shows_statuses_and_events_that_were_rejected(tmp_path: Path) -> None:
    events = events_of("BTC/USD")
    wrong = RecordedEvent(
        event=msgspec.structs.replace(events[1].event, checksum=1),
        recorded_at=START + 10,
        is_verified=False,
    )
    gone = StatusChange("BTC/USD", None, None, "stale", "disconnected", "2026-11-27T18:00:00Z")
    lost = RecordedEvent(event=gone, recorded_at=START + 20, is_verified=False)
    again = [
        msgspec.structs.replace(each, recorded_at=START + 30 + number)
        for number, each in enumerate(events)
    ]
    write_file(tmp_path, [events[0], lost, wrong, *again])
    statuses = [status for _, _, status, _ in read_at_once(tmp_path)]
    assert statuses == ["live", "stale", "syncing", "live", "live", "live", "live"]


def test_speed_is_the_factor_of_the_recorded_pace(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(round(seconds, 6))
        now += seconds

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: now)
    read_at_once(root, "BTC/USD", speed=10)
    assert slept == [0.0001, 0.0001, 0.0001]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"speed": 0}, "speed=0: use a number above 0"),
        ({"start": "yesterday"}, "start='yesterday': use a time with a time zone"),
        ({"end": "2026-11-27T18:00:00"}, "use a time with a time zone"),
        ({"end": "2020-01-01T00:00:00Z"}, "nothing of .* was recorded in this time"),
    ],
)
def test_error_says_what_to_change(root: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(Unusable, match=words):
        replay(root, "BTC/USD", **options)  # type: ignore[arg-type]


def test_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedRecording, match=r"none: there is no such file or folder"):
        replay(tmp_path / "none")
