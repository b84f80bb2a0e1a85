"""What readers see of each fault that a feed can have: the hit book is said to be unknown and comes
back by itself, nothing that was not verified is shown, and the others do not notice.

The faults are the simulator's. Each test reads one book that is hit, one on the same connection and
one on another, over SSE from a real api.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.processes import Api, Collector, Simulator, Stage, Streams, Watch, eventually

# One for each test that doubts a book: each doubt of the same one is waited out longer.
HIT = tuple(f"H{number}/USD" for number in range(16))
BESIDE, ELSEWHERE = "ETH/USD", "SOL/USD"
SYMBOLS = (*HIT, BESIDE, ELSEWHERE)
MAX_AGE_SECONDS = 3
# As long as a dead connection is believed in, or an answer waited for.
PATIENCE = 40.0


@dataclass
class Scene:
    """Books on two connections, the last one alone on the second, and what they go through."""

    simulator: Simulator
    collector: Collector
    api: Api
    streams: Streams


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    stage = module_stage
    redis = stage.redis()
    simulator = stage.simulator("--rate", "1200", "--symbols", ",".join(SYMBOLS), "--control", "0")
    collector = stage.collector(
        redis.url,
        simulator.url,
        KRAKEN_SYMBOLS=",".join(SYMBOLS),
        KRAKEN_SYMBOLS_PER_CONNECTION=str(len(SYMBOLS) - 1),
        KRAKEN_QUIET_RESYNC="10",
        STREAM_MAXLEN="1000000",
    )
    api = stage.api(redis.url, API_MAX_AGE=str(MAX_AGE_SECONDS))
    api.wait_until_live(*SYMBOLS)
    streams = Streams(redis.url)
    stage.undo(streams.close)
    return Scene(simulator, collector, api, streams)


class Readers:
    """One reader of each book that a test looks at, who checks every event."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._watches: dict[str, Watch] = {}
        self.read(BESIDE, ELSEWHERE)

    def read(self, *symbols: str) -> None:
        """Read these books too, from now on."""
        for symbol in symbols:
            watch = self._watches[symbol] = self._scene.api.watch(symbol)
            watch.wait_for_seq(1)

    def __getitem__(self, symbol: str) -> Watch:
        return self._watches[symbol]

    def leave(self, symbol: str) -> None:
        """Read this one no more, after a look at all that it got."""
        watch = self._watches.pop(symbol)
        watch.check()
        watch.leave()

    def close(self) -> None:
        for watch in self._watches.values():
            watch.leave()

    def wait_for_doubt(self, symbol: str, reason: str) -> None:
        """Return once the reader of a book has been told that it is not known, for this reason."""

        def told(event: dict[str, object]) -> bool:
            return event.get("status") == "syncing" and event.get("reason") == reason

        self[symbol].wait_for(told, f"syncing for {reason}")

    def wait_until_right(self) -> None:
        """Return once all that are read are live and move, as their readers and Redis tell."""
        for symbol, watch in self._watches.items():

            def is_live(symbol: str = symbol, watch: Watch = watch) -> bool | None:
                watch.check()
                hash_status = self._scene.streams.book(symbol)["status"]
                return (watch.ladder.status != "syncing" and hash_status == "live") or None

            eventually(is_live, f"{symbol} is live again", PATIENCE)
            watch.wait_for_seq(watch.ladder.seq + 10)

    def assert_unharmed(self, *more: str) -> None:
        """Who reads the other books, and `more`, has been told of no doubt."""
        for symbol in (BESIDE, ELSEWHERE, *more):
            self[symbol].check()
            told = [e for e in self[symbol].events if e["kind"] in ("status", "lagged")]
            assert [e for e in told if e.get("status") != "live"] == [], symbol


@pytest.fixture
def readers(scene: Scene) -> Iterator[Readers]:
    opened = Readers(scene)
    yield opened
    scene.simulator.lift_faults()
    opened.close()


@pytest.mark.parametrize(
    ("symbol", "fault", "reason"),
    [
        (HIT[0], "corrupt", "checksum"),
        # One alone may be made good by the next, which changes the same level.
        (HIT[1], "swallow?count=3", "checksum"),
        (HIT[2], "reorder", "checksum"),
        (HIT[3], "mute?seconds=1", "checksum"),
        (HIT[4], "crossed", "crossed"),
        (HIT[5], "level", "level"),
        (HIT[6], "cut", "frame"),
        (HIT[7], "precision?price=5&qty=7", "precision"),
    ],
)
def test_a_book_that_cannot_be_right_is_doubted_alone_and_comes_back(
    scene: Scene, readers: Readers, symbol: str, fault: str, reason: str
) -> None:
    readers.read(symbol)
    before = scene.collector.metric("kraken_book_mismatches_total", reason=reason)
    name, _, parameters = fault.partition("?")
    scene.simulator.fault(f"{name}?symbol={symbol}&{parameters}")
    readers.wait_for_doubt(symbol, reason)
    readers.wait_until_right()
    readers.assert_unharmed()
    assert scene.collector.metric("kraken_book_mismatches_total", reason=reason) > before
    assert scene.streams.states()[symbol]["resyncs"] > 0


def test_an_update_that_comes_twice_is_still_the_right_book(scene: Scene, readers: Readers) -> None:
    symbol = HIT[8]
    readers.read(symbol)
    scene.simulator.fault(f"repeat?symbol={symbol}&count=5")
    readers.wait_until_right()
    readers.assert_unharmed()


def test_an_update_before_its_snapshot_is_not_believed(scene: Scene, readers: Readers) -> None:
    symbol = HIT[9]
    readers.read(symbol)
    scene.simulator.fault(f"early?symbol={symbol}")
    scene.simulator.fault(f"corrupt?symbol={symbol}")
    readers.wait_for_doubt(symbol, "early")
    readers.wait_until_right()
    readers.assert_unharmed()


def test_wrong_checksums_without_end_are_no_storm_and_never_shown(
    scene: Scene, readers: Readers
) -> None:
    symbol = HIT[10]
    readers.read(symbol)
    asked = len(scene.simulator.connections()["requests"])
    scene.simulator.fault(f"corrupt?symbol={symbol}&count=100000")
    readers.wait_for_doubt(symbol, "checksum")
    assert scene.api.answers(f"/depth/{symbol}", 503).json()["book"]["status"] == "syncing"
    requests = scene.simulator.connections()["requests"][asked:]
    # In the three seconds until it is too old: at once, after 1 to 2 s, after 2 to 4 s.
    assert 2 <= len([each for each in requests if symbol in each["symbols"]]) <= 2 * 4
    shown = [event["status"] for event in readers[symbol].events if event["kind"] == "status"]
    assert "syncing" in shown
    readers.leave(symbol)
    readers.wait_until_right()
    readers.assert_unharmed()


def test_a_precision_that_changed_is_told(scene: Scene) -> None:
    symbol = HIT[7]
    scene.simulator.fault(f"precision?symbol={symbol}&price=4&qty=6")

    def told() -> bool | None:
        book = scene.api.get(f"/depth/{symbol}").json()
        precisions = (book.get("price_precision"), book.get("qty_precision"))
        return (precisions == (4, 6) == precisions_of(scene, symbol)) or None

    eventually(told, "the new precisions, over HTTP and in kraken:symbols")


def precisions_of(scene: Scene, symbol: str) -> tuple[int, int]:
    """What `kraken:symbols` says."""
    state = scene.streams.states()[symbol]
    return state["price_precision"], state["qty_precision"]


@pytest.mark.parametrize("kind", ["text", "binary", "json"])
def test_garbage_harms_nobody(scene: Scene, readers: Readers, kind: str) -> None:
    scene.simulator.fault(f"garbage?kind={kind}")
    readers.wait_until_right()
    readers.assert_unharmed()


def test_a_frame_of_ten_megabytes_harms_nobody(scene: Scene, readers: Readers) -> None:
    scene.simulator.fault("big?bytes=10000000")
    readers.wait_until_right()
    readers.assert_unharmed()


def test_maintenance_is_told_to_who_runs_it(scene: Scene, readers: Readers) -> None:
    def system() -> set[str]:
        found = scene.collector.get("/healthz").json()["connections"]
        return {connection["system"] for connection in found}

    scene.simulator.fault("status?system=maintenance")
    eventually(lambda: system() == {"maintenance"} or None, "it is told")
    scene.simulator.fault("status?system=online")
    eventually(lambda: system() == {"online"} or None, "it is over")
    readers.assert_unharmed()


def test_the_status_of_a_pair_is_in_redis(scene: Scene, readers: Readers) -> None:
    def status() -> object:
        return scene.streams.states()[BESIDE]["pair_status"]

    scene.simulator.fault(f"pair_status?symbol={BESIDE}&status=cancel_only")
    eventually(lambda: status() == "cancel_only" or None, "it is told")
    scene.simulator.fault(f"pair_status?symbol={BESIDE}&status=online")
    eventually(lambda: status() == "online" or None, "it is over")
    readers.assert_unharmed()


@pytest.mark.parametrize("fault", ["close?code=1001", "drop"])
def test_connections_that_are_closed_come_back(scene: Scene, readers: Readers, fault: str) -> None:
    scene.simulator.fault(fault)
    for symbol in (BESIDE, ELSEWHERE):
        readers.wait_for_doubt(symbol, "closed")
    readers.wait_until_right()


def test_a_server_that_accepts_and_closes_is_not_hammered(scene: Scene, readers: Readers) -> None:
    before = scene.simulator.connections()["accepted"]
    scene.simulator.fault("accept_and_close?seconds=5")
    scene.simulator.fault("drop")
    readers.wait_for_doubt(BESIDE, "closed")
    readers.wait_until_right()
    # Two connections, each after 1 to 2 s, 2 to 4 s and 4 to 8 s.
    assert scene.simulator.connections()["accepted"] - before <= 2 * 4


def test_a_handshake_that_is_refused_is_tried_again(scene: Scene, readers: Readers) -> None:
    before = scene.collector.metric("kraken_book_reconnects_total", reason="refused")
    scene.simulator.fault("refuse_connections?seconds=2&status=429")
    scene.simulator.fault("drop")
    readers.wait_for_doubt(BESIDE, "closed")
    readers.wait_until_right()
    assert scene.collector.metric("kraken_book_reconnects_total", reason="refused") > before


def test_answers_that_come_late_are_waited_for(scene: Scene, readers: Readers) -> None:
    scene.simulator.fault("answer_late?delay=3&seconds=4")
    scene.simulator.fault("drop")
    readers.wait_for_doubt(BESIDE, "closed")
    readers.wait_until_right()


def test_too_many_requests_are_made_again_more_slowly(scene: Scene, readers: Readers) -> None:
    symbol = HIT[11]
    readers.read(symbol)
    scene.simulator.fault("rate_limit?seconds=3")
    scene.simulator.fault(f"corrupt?symbol={symbol}")
    readers.wait_for_doubt(symbol, "checksum")
    scene.collector.wait_for_line("kraken says that requests come too fast")
    readers.wait_until_right()
    readers.assert_unharmed()


def test_what_stays_unanswered_or_quiet_is_asked_for_anew(scene: Scene, readers: Readers) -> None:
    """An acknowledgement may be all that comes, and nothing may come for long."""
    quiet = HIT[13]
    readers.read(quiet)
    mismatches = scene.collector.metric("kraken_book_mismatches_total")
    scene.simulator.fault(f"silence?symbol={quiet}&seconds=12")
    symbol = HIT[12]
    readers.read(symbol)
    scene.simulator.fault(f"ack_only?symbol={symbol}")
    scene.simulator.fault(f"corrupt?symbol={symbol}")
    readers.wait_for_doubt(symbol, "checksum")
    readers.wait_for_doubt(symbol, "unanswered")
    readers.wait_for_doubt(quiet, "quiet")
    readers.wait_until_right()
    readers.assert_unharmed()
    # Neither is a mismatch, besides the one that began it.
    assert scene.collector.metric("kraken_book_mismatches_total") == mismatches + 1


def test_a_feed_that_falls_silent_is_found_out_and_the_books_are_no_answer_meanwhile(
    scene: Scene, readers: Readers
) -> None:
    """No heartbeat, no error, the socket open: as a half-open connection is."""
    silent = scene.collector.metric("kraken_book_reconnects_total", reason="silent")
    scene.simulator.fault("mute?seconds=11")
    stale = scene.api.answers(f"/depth/{BESIDE}", 503).json()
    assert stale["type"] == "urn:kraken-book:stale-book"
    readers[BESIDE].wait_for(lambda event: event.get("status") == "stale", "stale")
    readers.wait_for_doubt(BESIDE, "silent")
    readers.wait_until_right()
    assert scene.collector.metric("kraken_book_reconnects_total", reason="silent") > silent


def test_frames_that_are_old_confirm_no_book(scene: Scene, readers: Readers) -> None:
    """Kraken queues for a slow reader and drops nothing, so what is read looks new."""
    scene.simulator.fault("lag?delay=7&seconds=8")
    readers.wait_for_doubt(BESIDE, "lag")
    assert scene.collector.metric("kraken_book_reconnects_total", reason="lag") > 0
    readers.wait_until_right()
