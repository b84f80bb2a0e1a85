"""The table of the best prices of a pair over its venues, in a real browser."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page

from lab.chromium import find_chromium
from lab.services import Collector, SimulatorProcess
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

VENUES = ("kraken", "bitfinex", "coinbase")
PROOFS = ("checksum", "sequence+checksum", "sequence")
SYMBOL = "BTC/USD"
SUMMARY = ".best-prices [data-part=summary]"
ROWS = """() => [...document.querySelectorAll(".best-prices:not([hidden]) tbody tr")].map((row) => {
  const parts = [...row.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part.innerText.trim()])
  const texts = Object.fromEntries(parts)
  return { ...texts, words: texts.status, ...row.dataset }
})"""  # noqa: E501 - one expression in JavaScript
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")


class Top(NamedTuple):
    """The best levels of a venue, compared as numbers."""

    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    spread: Decimal


class Scene(NamedTuple):
    """Three venues, whose markets rest, and the page of an api."""

    simulators: Mapping[str, SimulatorProcess]
    collectors: Mapping[str, Collector]

    def top(self, venue: str) -> Top:
        """Return the best levels of the simulator's own book."""
        control = self.simulators[venue].control
        assert control is not None
        book = control.get(f"/books/{SYMBOL}").json()
        (bid, bid_qty), (ask, ask_qty) = (map(Decimal, book[side][0]) for side in ("bids", "asks"))
        return Top(bid, bid_qty, ask, ask_qty, ask - bid)


@pytest.fixture
def scene(stage: Stage, shown: Shown) -> Scene:
    redis = stage.redis()
    simulators, collectors = {}, {}
    for seed, venue in enumerate(VENUES, 1):
        simulators[venue] = stage.simulator(
            *("--venue", venue, "--symbols", f"{SYMBOL},SOL/USD", "--seed", str(seed)),
            *("--rate", "100", "--updates", "50", "--control", "0"),
        )
        settings = {f"{venue.upper()}_SYMBOLS": SYMBOL}
        if venue == "kraken":
            collector = stage.collector(
                redis.url, simulators[venue].url, KRAKEN_SYMBOLS=f"{SYMBOL},SOL/USD"
            )
        else:
            collector = stage.venue_collector(redis.url, venue, simulators[venue], **settings)
        collectors[venue] = collector
    for simulator in simulators.values():
        simulator.wait_for_line("markets stopped")
    api = stage.api(redis.url, API_MAX_AGE="3")
    api.wait_until_live(SYMBOL, *(f"{venue}:{SYMBOL}" for venue in VENUES[1:]))
    shown.page.goto(f"{api.url}/#SOL/USD,{SYMBOL}")
    return Scene(simulators, collectors)


def rows(page: Page) -> list[dict[str, str]]:
    """Return the data and the texts of the rows; none if the table is hidden."""
    found: list[dict[str, str]] = page.evaluate(ROWS)
    return found


def shown_tops(page: Page) -> dict[str, Top]:
    columns = ("bid", "bid-qty", "ask", "ask-qty", "spread")
    return {row["venue"]: Top(*(Decimal(row[column]) for column in columns)) for row in rows(page)}


def best_sides(page: Page) -> dict[str, set[str]]:
    """Return the sides that are marked as best, of each venue that has one."""
    found = {}
    for row in rows(page):
        marked = {side for side in ("bid", "ask") if row[f"{side}-mark"] == "best"}
        assert marked == set(row.get("best", "").split())
        if marked:
            found[row["venue"]] = marked
    return found


def best_of(tops: Mapping[str, Top]) -> dict[str, set[str]]:
    """Return what `best_sides` returns for these books."""
    found: dict[str, set[str]] = {}
    for side, venue in (
        ("bid", max(tops, key=lambda venue: (tops[venue].bid, tops[venue].bid_qty))),
        ("ask", min(tops, key=lambda venue: (tops[venue].ask, -tops[venue].ask_qty))),
    ):
        found.setdefault(venue, set()).add(side)
    return found


def test_figures_are_those_of_the_simulators_and_a_stale_venue_is_left_out(
    scene: Scene, shown: Shown
) -> None:
    page = shown.page
    tops = {venue: scene.top(venue) for venue in VENUES}
    live = {(venue, proof, "live") for venue, proof in zip(VENUES, PROOFS, strict=True)}

    def shows_all() -> bool:
        # A busy machine may confirm a book late, which is then stale for a moment.
        found = {(row["venue"], row["proof"], row["status"]) for row in rows(page)}
        return found == live and shown_tops(page) == tops and best_sides(page) == best_of(tops)

    wait_until(shows_all, "the table shows the simulators' books")
    assert [row["venue"] for row in rows(page)] == list(VENUES)
    # The pair of the first ladder that more than one venue has.
    assert shown.text(".best-prices h2") == f"Best prices of {SYMBOL}"
    bid, ask = max(top.bid for top in tops.values()), min(top.ask for top in tops.values())
    end = ": crossed" if bid >= ask else "."
    shown.wait_for_text(SUMMARY, f"spread {ask - bid}{end}")

    left_out = next(iter(best_of(tops)))
    scene.collectors[left_out].kill()
    del tops[left_out]
    wait_until(lambda: best_sides(page) == best_of(tops), "the best prices are of the others")
    (row,) = [row for row in rows(page) if row["venue"] == left_out]
    assert (row["status"], row["words"]) == ("stale", "stale, left out")
    assert Decimal(row["bid"]) == scene.top(left_out).bid
    assert shown.errors == []


@pytest.fixture
def scripted(scripted: ScriptedPage) -> ScriptedPage:
    for symbol in (SYMBOL, f"binance:{SYMBOL}", "SOL/USD"):
        scripted.market(symbol)
    return scripted


def test_table_is_hidden_without_a_pair_of_several_venues_and_ends_with_the_answers(
    scripted: ScriptedPage, shown: Shown
) -> None:
    page = shown.page
    page.goto(f"{scripted.url}#SOL/USD")
    shown.wait_for("SOL/USD", status="live")
    assert rows(page) == []
    page.goto(f"{scripted.url}#SOL/USD,binance:{SYMBOL}")
    wait_until(lambda: len(rows(page)) == 2, "the table is shown")
    assert best_sides(page) == {"kraken": {"bid", "ask"}}
    scripted.do(lambda: setattr(scripted.api, "has_books", False))
    shown.wait_for_text(".best-prices", "503: the answer is not the api's")
    assert [row["words"] for row in rows(page)] == ["unknown, left out"] * 2
    assert best_sides(page) == {}
    assert "No live book has a bid" in shown.text(".best-prices")
    scripted.do(lambda: setattr(scripted.api, "has_books", True))
    wait_until(lambda: best_sides(page) != {}, "the prices are back")
    assert shown.text(".best-prices [data-part=failure]") == ""
    page.goto(f"{scripted.url}#SOL/USD")
    wait_until(lambda: rows(page) == [], "the table is hidden")


def test_view_of_a_book_has_the_table_of_its_pair_and_closes_it(
    scripted: ScriptedPage, shown: Shown
) -> None:
    page = shown.page
    scripted.do(lambda: scripted.api.markets[SYMBOL].row.update(status="syncing", reason="lag"))
    page.goto(f"{scripted.url}#/binance:{SYMBOL}")
    wait_until(lambda: len(rows(page)) == 2, "the table is shown")
    assert page.locator(".book .best-prices").count() == 1
    shapes = page.evaluate(
        """() => [...document.querySelectorAll(".best-prices .status")].map((status) =>
            getComputedStyle(status, "::before").content)"""
    )
    assert shapes == ['"◐"', '"●"']
    page.goto(f"{scripted.url}#/SOL/USD")
    with page.expect_response(lambda response: response.url.endswith("/best/SOL%2FUSD")):
        page.reload()
    shown.wait_for_text(".book h2", "SOL/USD")
    assert rows(page) == []
    page.goto(f"{scripted.url}#{SYMBOL}")
    wait_until(lambda: len(rows(page)) == 2, "the table is between the others")
    assert page.locator(".best-prices").count() == 1
    assert shown.errors == []


def test_hidden_page_requests_no_best_prices(scripted: ScriptedPage, page: Page) -> None:
    # Its clock is not that of the other tests.
    page = page.context.new_page()
    page.clock.install()
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request) if "/best/" in request.url else None)

    def run_until_asked(count: int) -> None:
        def runs() -> bool:
            page.clock.run_for(500)
            return len(asked) >= count

        wait_until(runs, f"there are {count} requests, but {len(asked)}")

    def set_hidden(hidden: str) -> None:
        page.evaluate(
            """(hidden) => {
                Object.defineProperty(document, "hidden", { value: hidden, configurable: true })
                document.dispatchEvent(new Event("visibilitychange"))
            }""",
            hidden == "hidden",
        )

    page.goto(scripted.url)
    run_until_asked(3)
    set_hidden("hidden")
    before = len(asked)
    page.clock.run_for(60_000)
    assert len(asked) == before
    set_hidden("visible")
    run_until_asked(before + 2)
    page.close()
