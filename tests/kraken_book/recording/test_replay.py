"""`replay` yields the books of a recording as `watch` did."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import islice
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


def positioned(book: LiveBook) -> tuple[str, tuple[int | None, int | None]]:
    return book.symbol, (book.epoch, book.seq)


async def bounded(books: AsyncIterable[LiveBook], most: int) -> AsyncIterator[LiveBook]:
    left = most
    async for book in books:
        yield book
        left -= 1
        if not left:
            return


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


async def test_loop_begins_again_at_the_end_with_higher_positions(root: Path) -> None:
    once = len(read_at_once(root))
    books = replay(root, loop=True)
    for events in (
        [positioned(book) for book in islice(books, 3 * once)],
        [positioned(book) async for book in bounded(books, 3 * once)],
    ):
        assert [symbol for symbol, _ in events[once:]] == [symbol for symbol, _ in events[:-once]]
        for name in ("BTC/USD", "ETH/USD"):
            assert [position for symbol, position in events if symbol == name] == [
                *((7, seq) for seq in range(1, 5)),
                *((8, seq) for seq in range(5, 9)),
                *((9, seq) for seq in range(9, 13)),
            ]
    # Another iteration begins anew.
    assert positioned(next(iter(books))) == ("BTC/USD", (7, 1))


def test_each_pass_of_a_loop_has_the_books_of_the_recording(root: Path) -> None:
    once = len(read_at_once(root, "BTC/USD"))
    levels = [book.bids for book in islice(replay(root, "BTC/USD", loop=True), 3 * once)]
    assert levels[:once] == levels[once : 2 * once] == levels[2 * once :]
    *_, book = islice(replay(root, "BTC/USD", loop=True), 3 * once)
    assert (book.counts.verified, book.counts.doubts, book.counts.repeated) == (3 * once, 0, 0)


def test_loop_over_several_epochs_keeps_their_order(tmp_path: Path) -> None:
    later = [
        msgspec.structs.replace(each, event=msgspec.structs.replace(each.event, epoch=9))
        for each in events_of("BTC/USD", start=START + 10_000)
    ]
    write_file(tmp_path, [*events_of("BTC/USD"), *later])
    seen = [positioned(book)[1] for book in islice(replay(tmp_path, loop=True), 16)]
    assert [epoch for epoch, _ in seen] == [7] * 4 + [9] * 4 + [10] * 4 + [12] * 4
    assert [seq for _, seq in seen] == list(range(1, 17))


def test_loop_with_a_start_begins_each_pass_there(root: Path) -> None:
    books = replay(root, "BTC/USD", start="2026-11-27T16:00:00.002Z", loop=True)
    assert [shown(book)[3] for book in islice(books, 5)] == [3, 4, 3, 4, 3]


def test_loop_without_any_change_ends(root: Path) -> None:
    assert read_at_once(root, "BTC/USD", start="2026-11-28T00:00:00Z", loop=True) == []


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
