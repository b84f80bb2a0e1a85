"""The page's views together, in several windows, while services and the machine fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import BrowserContext, Page

from kraken_book.recording.recorder import JOURNAL
from kraken_book.recording.recovery import recover_books
from lab.chromium import find_chromium
from lab.services import Api, Collector
from lab.stage import Stage
from lab.waiting import wait_for, wait_until
from launcher.embedded_redis import EmbeddedRedis
from tests.e2e.book_page import BookPage
from tests.e2e.readable import assert_readable
from tests.e2e.shown import Shown

SYMBOLS = ("BTC/USD", "ETH/USD")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")


class Scene(NamedTuple):
    """Two collectors of the same books, one of which leads, and an api."""

    redis: EmbeddedRedis
    collectors: tuple[Collector, Collector]
    api: Api

    def leader(self) -> Collector:
        """Return the collector that leads."""
        running = [each for each in self.collectors if each.process.poll() is None]
        (found,) = [each for each in running if each.metric("kraken_book_leading")]
        return found


@pytest.fixture
def scene(stage: Stage) -> Scene:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "20")
    collectors = tuple(
        stage.collector(
            redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS), COLLECTOR_LEASE="1"
        )
        for _ in range(2)
    )
    for collector in collectors:
        wait_until(lambda: collector.live() == len(SYMBOLS), "its books are verified")  # noqa: B023
    api = stage.api(redis.url, API_MAX_AGE="3")
    api.wait_until_live(*SYMBOLS)
    return Scene(redis, (collectors[0], collectors[1]), api)


class Windows:
    """Windows of one browser: the table with ladders, a book with charts, and the status page."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.ladders, book, self.status = (Shown(context.new_page()) for _ in range(3))
        self.book = BookPage(book, f"{url}/", "BTC/USD")
        self.ladders.page.goto(f"{url}/#{','.join(SYMBOLS)}")
        self.status.page.goto(f"{url}/#/status")

    @property
    def errors(self) -> list[str]:
        """The errors in the consoles of all windows."""
        return [*self.ladders.errors, *self.book.shown.errors, *self.status.errors]

    def wait_until_live(self) -> None:
        """Return when the windows show that all is well."""
        for symbol in SYMBOLS:
            self.ladders.wait_for(symbol, status="live")
        self.book.wait_for(status="live", symbol="BTC/USD")
        self.status.wait_for_text(".summary", "All collectors report, and Redis answers.")


@pytest.fixture
def windows(scene: Scene, page: Page) -> Iterator[Windows]:
    opened = Windows(page.context, scene.api.url)
    yield opened
    # The module's page, which is in the same context, stays open for the other tests.
    for each in (opened.ladders, opened.book.shown, opened.status):
        each.page.close()


def test_windows_with_all_views_share_a_stream_and_survive_leader_and_redis(
    scene: Scene, windows: Windows
) -> None:
    windows.wait_until_live()
    assert scene.api.metric("kraken_book_readers") == 1
    epoch = int(windows.book.fact("epoch"))
    leader = scene.leader()

    leader.kill()
    wait_until(lambda: int(windows.book.fact("epoch")) > epoch, "the standby has taken over")
    windows.wait_until_live()
    for shown in (windows.ladders, windows.book.shown):
        assert shown.text("#outage") == ""
    pid = str(scene.leader().process.pid)
    windows.status.wait_for_text("[data-venue='kraken'] tbody", pid)

    scene.redis.kill()
    windows.status.wait_for_text(".summary", "Redis does not serve the replica")
    windows.status.wait_for_text("[data-venue='kraken'] tbody", "silent")
    for symbol in SYMBOLS:
        windows.ladders.wait_until_doubted(symbol)
    wait_until(lambda: windows.book.data()["status"] != "live", "the book is doubted")
    scene.redis.start()
    windows.wait_until_live()
    assert windows.book.fact("mismatches") == "0"
    assert scene.api.metric("kraken_book_readers") == 1
    # Closing a window leaves the others unharmed; the last one ends the stream.
    windows.ladders.page.close()
    seq = int(windows.book.fact("seq"))
    wait_until(lambda: int(windows.book.fact("seq")) > seq + 5, "the other window goes on")
    windows.book.page.close()
    wait_until(lambda: scene.api.metric("kraken_book_readers") == 0, "the api has no reader")
    assert windows.errors == []


SLEPT = re.compile(r"36\d\d s")
# The wall clock of a machine that slept, while performance.now() stood still.
SLEEP = """(milliseconds) => {
    const wall = Date.now
    Date.now = () => wall() + milliseconds
}"""


def test_machine_that_slept_shows_the_age_of_its_book_and_goes_on(
    scene: Scene, shown: Shown
) -> None:
    page = shown.page
    book = BookPage(shown, f"{scene.api.url}/", "BTC/USD")
    book.wait_for(status="live")
    seq = int(book.fact("seq"))
    session = page.context.new_cdp_session(page)
    # Nothing comes after the sleep, which would hide what the page thinks of its book.
    scene.api.freeze()
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    page.evaluate(SLEEP, 3_600_000)
    session.send("Page.setWebLifecycleState", {"state": "active"})
    # On a slow machine the book may be stale before the page knows of the sleep.
    wait_until(lambda: SLEPT.fullmatch(book.fact("age")), "the age contains the sleep")
    assert book.data()["status"] == "stale"
    scene.api.resume()
    book.wait_for(status="live")
    wait_until(lambda: int(book.fact("seq")) > seq + 20, "the book goes on")
    assert book.fact("mismatches") == "0"
    assert shown.errors == []


def test_replayed_recording_is_shown_as_one_in_every_view(
    stage: Stage, shown: Shown, tmp_path: Path
) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", "BTC/USD", "--rate", "150")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(redis.url)
    api.wait_until_live("BTC/USD")
    folder = tmp_path / "recording"
    recorder = stage.program("kraken_book", "record", "--url", api.url, "--dir", str(folder))

    def has_events() -> bool:
        return any((book.seq or 0) > 100 for book in recover_books(folder / JOURNAL).start.books)

    wait_until(has_events, "events are recorded")
    assert recorder.stop() == 0
    assert collector.stop() == 0

    other = stage.redis()
    stage.program("kraken_book", "replay", str(folder), "--redis-url", other.url, "--lead-in", "0")
    replayed = stage.api(other.url)
    replayed.answers("/depth/BTC/USD")
    book = BookPage(shown, f"{replayed.url}/", "BTC/USD")
    wait_for(lambda: book.data().get("source") == "replay", "the source is known")
    assert book.fact("source") == "replay of a recording"
    shown.wait_for_text("#not-live", "REPLAY OF A RECORDING")
    wait_for(
        lambda: int(book.fact("verified").split()[0].replace(",", "")), "an update is verified"
    )
    assert book.fact("mismatches") == "0"
    shown.page.goto(f"{replayed.url}/#BTC/USD")
    assert shown.wait_for("BTC/USD", source="replay")["mismatches"] == "0"
    shown.page.goto(f"{replayed.url}/#/status")
    shown.page.locator(".status-page").wait_for()
    assert shown.page.locator("#not-live").is_visible()
    assert_readable(shown)
    assert shown.errors == []
