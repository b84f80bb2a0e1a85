"""The page in a real browser: it checks every book itself, and says what it knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.e2e.chromium import find_chromium, open_chromium
from tests.e2e.processes import Api, Stage, eventually, own_port

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium() as opened:
        yield opened


@dataclass
class Shown:
    """A page that is open, and what its console said."""

    page: Page
    errors: list[str] = field(default_factory=list)
    """What went wrong other than the network."""

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_console(self, message: ConsoleMessage) -> None:
        # A poll or a stream that a restart of the api broke is no mistake of the page's.
        network = "net::ERR" in message.text or "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not network:
            self.errors.append(message.text)

    def ladder(self, symbol: str) -> dict[str, str]:
        """The data of a symbol's section; empty where there is none."""
        found: dict[str, str] = self.page.evaluate(
            "(s) => ({...document.querySelector(`section.ladder[data-symbol='${s}']`)?.dataset})",
            symbol,
        )
        return found

    def wait_for(self, symbol: str, **facts: str) -> dict[str, str]:
        """The data of a ladder once these are among them."""

        def shows() -> dict[str, str] | None:
            data = self.ladder(symbol)
            return data if facts.items() <= data.items() else None

        return eventually(shows, f"the ladder of {symbol} shows {facts}; {self.ladder(symbol)}")

    def wait_until_doubted(self, symbol: str) -> None:
        """Return once a ladder does not say any more that its book is right."""
        eventually(lambda: self.ladder(symbol)["status"] != "live" or None, f"{symbol} is doubted")

    def wait_for_seq(self, symbol: str, seq: int) -> dict[str, str]:
        """The data of a ladder once it has come so far."""

        def there() -> dict[str, str] | None:
            data = self.ladder(symbol)
            return data if int(data.get("seq") or 0) >= seq else None

        return eventually(there, f"the ladder of {symbol} comes to {seq}")

    def wait_until_it_shows(self, api: Api, symbol: str) -> None:
        """Return once a ladder shows what /depth tells."""

        def shows() -> bool | None:
            depth: dict[str, Any] = api.get(f"/depth/{symbol}").json()
            told = [str(depth["seq"]), depth["bids"], depth["asks"]]
            rows = [self.rows(symbol, "bid"), self.rows(symbol, "ask")]
            return [self.ladder(symbol).get("seq"), *rows] == told or None

        eventually(shows, f"the page shows the book of {symbol}")

    def rows(self, symbol: str, side: str) -> list[list[str]]:
        """The levels of a side that are shown, best first."""
        rows: list[list[str]] = self.page.evaluate(
            """([s, side]) => [...document.querySelectorAll(
                `section.ladder[data-symbol='${s}'] [data-side='${side}'][data-price]`
            )].filter((row) => row.checkVisibility() && row.dataset.price)
              .map((row) => [row.dataset.price, row.dataset.qty, row.innerText])""",
            [symbol, side],
        )
        for price, qty, text in rows:
            assert price in text, text
            assert qty in text, text
        levels = [[price, qty] for price, qty, _ in rows]
        return sorted(levels, key=lambda level: float(level[0]), reverse=side == "bid")


@pytest.fixture
def shown(browser: Browser) -> Iterator[Shown]:
    page = browser.new_page()
    yield Shown(page)
    page.close()


def assert_shows_the_books(shown: Shown, api: Api) -> None:
    """Every ladder shows what /depth tells of a market that stands still."""
    for symbol in SYMBOLS:
        shown.wait_until_it_shows(api, symbol)
        data = shown.wait_for(symbol, status="live")
        assert data["mismatches"] == "0"
        assert data["source"] == "simulated"


def test_the_page_shows_verified_books_as_they_move_and_comes_back_after_a_restart(
    stage: Stage, shown: Shown
) -> None:
    redis = stage.redis()
    port = own_port()
    markets = ("--symbols", ",".join(SYMBOLS))
    simulator = stage.simulator(*markets, port=port)
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)
    collector.wait_until_live(len(SYMBOLS))
    shown.page.goto(api.url + "/")
    first = {symbol: shown.wait_for(symbol, status="live") for symbol in SYMBOLS}
    for symbol, before in first.items():
        data = shown.wait_for_seq(symbol, int(before["seq"]) + 5)
        assert int(data["verified"]) > int(before["verified"])
        assert data["mismatches"] == "0"
    assert shown.page.evaluate("document.documentElement.dataset.source") == "simulated"
    assert shown.page.get_by_text("SIMULATED", exact=False).first.is_visible()

    # Other markets, which stand still once the feed is back.
    simulator.kill()
    still = stage.simulator(*markets, "--updates", "20", "--seed", "2", port=port)
    still.wait_for_line("markets stand still: all updates are made")
    collector.wait_until_live(len(SYMBOLS))
    assert_shows_the_books(shown, api)

    api.kill()
    for symbol in SYMBOLS:
        shown.wait_until_doubted(symbol)
    api.restart()
    for symbol in SYMBOLS:
        shown.wait_for(symbol, status="live")
    assert_shows_the_books(shown, api)
    assert shown.errors == []


def test_the_page_does_not_show_a_dead_collectors_books_as_live(stage: Stage, shown: Shown) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", "BTC/USD")
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD", COLLECTOR_LEASE="1"
    )
    api = stage.api(redis.url, API_MAX_AGE="2")
    api.wait_until_live("BTC/USD")
    shown.page.goto(api.url + "/")
    shown.wait_for("BTC/USD", status="live")
    collector.kill()
    stale = shown.wait_for("BTC/USD", status="stale")
    collector.restart()
    shown.wait_for("BTC/USD", status="live")
    data = shown.wait_for_seq("BTC/USD", int(stale["seq"]) + 5)
    assert data["mismatches"] == "0"
    assert shown.errors == []


TEN_LINES = """
window.events = []
const books = new EventSource("/stream/BTC%2FUSD")
books.onmessage = ({data}) => window.events.push(JSON.parse(data))
"""


def test_ten_lines_with_an_event_source_lose_nothing_when_the_api_is_killed(
    stage: Stage, browser: Browser
) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "300")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)
    collector.wait_until_live(len(SYMBOLS))
    api.wait_until_live(*SYMBOLS)
    page = browser.new_page()
    stage.undo(page.close)
    page.goto(api.url)
    page.evaluate(f"() => {{ {TEN_LINES} }}")

    def seqs() -> list[int]:
        found: list[int] = page.evaluate("window.events.map((e) => e.seq).filter((seq) => seq)")
        return found

    def has_more_than(count: int) -> bool:
        return len(seqs()) > count

    eventually(partial(has_more_than, 50), "events come")
    for _ in range(2):
        api.kill()
        before = len(seqs())
        api.restart()
        eventually(partial(has_more_than, before + 50), "events come again")
    found = seqs()
    assert found == list(range(found[0], found[0] + len(found)))
    kinds = page.evaluate("window.events.map((e) => e.kind)")
    assert kinds.count("snapshot") == 1
    assert "lagged" not in kinds
