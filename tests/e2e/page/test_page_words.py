"""Texts and contrast of the page with a scripted api."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page

from lab.chromium import find_chromium
from lab.waiting import wait_until
from tests.e2e.readable import assert_readable
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")


@pytest.fixture
def shown_in_new_page(page: Page) -> Iterator[Shown]:
    """A page for a test whose scripts run on every visit."""
    opened = page.context.new_page()
    yield Shown(opened)
    opened.close()


def test_visit_without_one_of_the_modules_is_repeated(scripted: ScriptedPage, shown: Shown) -> None:
    scripted.market("BTC/USD")
    shown.page.route("**/page/routes.js", lambda route: route.abort(), times=1)
    shown.page.goto(scripted.url)
    shown.wait_for("BTC/USD", status="live")


def test_page_explains_doubted_book_and_does_not_call_it_live(
    scripted: ScriptedPage, shown: Shown
) -> None:
    market = scripted.market("BTC/USD", source="kraken")
    shown.page.goto(scripted.url)
    shown.wait_for("BTC/USD", status="live", source="kraken")
    shown.wait_for_text("#venues", "live Kraken")
    assert "100.0 / 100.1" in shown.page.title()

    scripted.do(lambda: market.status("syncing", "unreachable"))
    shown.wait_for("BTC/USD", status="syncing")
    shown.wait_for_text("section.ladder .doubt", "Kraken cannot be reached.")
    shown.wait_for_text("#venues", "no live book")
    assert shown.row("BTC/USD")["status"] == "syncing"
    assert "Kraken cannot be reached." in shown.row("BTC/USD")["title"]
    wait_until(lambda: "live" not in shown.page.title(), "the title claims nothing")
    assert "live" not in shown.text("section.ladder header")

    scripted.do(market.send_snapshot)
    shown.wait_for("BTC/USD", status="live")
    shown.wait_for_text("#venues", "live Kraken")
    assert shown.errors == []


def test_page_reports_unknown_symbol_and_accepts_every_spelling(
    scripted: ScriptedPage, shown: Shown
) -> None:
    for symbol in ("BTC/USD", "ETH/USD"):
        scripted.market(symbol)
    shown.page.goto(f"{scripted.url}#eth-usd,xbt/usd,FOO/BAR,%ZZ,a%E2%80%AE%00b")
    shown.wait_for_text("#notice", "There is no book “\u2068FOO/BAR\u2069”")
    assert shown.symbols() in (["ETH/USD", "BTC/USD"], [])
    assert "\u202e" not in shown.text("#notice")
    shown.page.goto(f"{scripted.url}#eth-usd,xbt/usd,FOO/BAR")
    wait_until(lambda: shown.symbols() == ["ETH/USD", "BTC/USD"], "both ladders are open")
    shown.page.goto(f"{scripted.url}#none")
    shown.wait_for_text("#no-ladder", "No ladder is open.")
    assert shown.text("#notice") == ""


def test_page_refuses_ladder_beyond_limit(scripted: ScriptedPage, shown: Shown) -> None:
    symbols = [f"A{number:02}/USD" for number in range(14)]
    for symbol in symbols:
        scripted.market(symbol)
    shown.page.goto(f"{scripted.url}#{','.join(symbols[:12])}")
    for symbol in symbols[:12]:
        shown.wait_for(symbol, status="live")
    shown.page.get_by_role("button", name="A12/USD", exact=True).click()
    shown.wait_for_text("#notice", "At most 12 ladders can be open.")
    assert shown.symbols() == symbols[:12]
    shown.page.get_by_role("button", name="Close the ladder of A00/USD").click()
    shown.page.get_by_role("button", name="A12/USD", exact=True).click()
    shown.wait_for("A12/USD", status="live")
    assert shown.text("#notice") == ""
    shown.page.goto(f"{scripted.url}#{','.join(symbols)}")
    shown.wait_for_text(
        "#notice", "Close one to open “\u2068A12/USD\u2069”, “\u2068A13/USD\u2069”."
    )
    assert shown.errors == []


def test_page_prints_commands_for_existing_book(scripted: ScriptedPage, shown: Shown) -> None:
    refused = scripted.market("AAA/EUR")
    scripted.do(lambda: refused.row.update(status="refused", reason="unknown"))
    scripted.market("ETH/EUR")
    shown.page.goto(scripted.url)
    shown.page.locator(".command-list summary").click()
    shown.wait_for_text(".command-list", f"curl -N '{scripted.url}stream?symbols=ETH%2FEUR'")
    assert f"curl {scripted.url}books" in shown.text(".command-list")
    assert "AAA" not in shown.text(".command-list")


def test_page_shows_krakens_words_for_refused_symbol(scripted: ScriptedPage, shown: Shown) -> None:
    bad = scripted.market("BAD/USD")
    reason = "Currency pair not supported BAD/USD"
    nothing = {"age_ms": None, "best_bid": None, "best_ask": None, "spread": None, "seq": None}
    scripted.do(lambda: bad.row.update(nothing, status="refused", reason=reason))
    scripted.market("BTC/USD")
    shown.page.goto(f"{scripted.url}#bad-usd,btc-usd")
    shown.wait_for("BTC/USD", status="live")
    shown.wait_for("BAD/USD", status="refused")
    assert reason in shown.text("section.ladder[data-symbol='BAD/USD'] .doubt")
    assert reason in shown.row("BAD/USD")["why"]
    assert scripted.do(lambda: scripted.api.streams_asked[-1]) == "BTC/USD"


def test_page_shows_hostile_text_as_text(scripted: ScriptedPage, shown: Shown) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e\x1b[2J"
    market = scripted.market("BTC/USD")
    shown.page.goto(scripted.url)
    shown.wait_for("BTC/USD", status="live")
    scripted.do(lambda: market.status("syncing", hostile))
    shown.wait_for_text("section.ladder .doubt", "<img src=x onerror=alert(1)>\ufffd\ufffd[2J")
    rows: dict[str, Any] = {"source": "<b>\u202e", "best_bid": {"price": 5}, "spread": ["x"]}
    other = scripted.market("ETH/USD")
    scripted.do(lambda: other.row.update(rows, status="<i>\x1b", reason={"a": 1}))
    shown.page.evaluate("location.hash = 'BTC/USD'")
    wait_until(lambda: shown.row("ETH/USD").get("bid") == "—", "the row is there")
    assert shown.row("ETH/USD")["status"] == "<i>\ufffd"
    assert shown.page.locator("main img, main i, main b").count() == 0
    assert shown.errors == []


def test_page_reports_missing_api(scripted: ScriptedPage, shown: Shown) -> None:
    for symbol in ("BTC/USD", "ETH/USD"):
        scripted.market(symbol)
    shown.page.goto(f"{scripted.url}#BTC/USD")
    shown.wait_for("BTC/USD", status="live")
    scripted.do(lambda: setattr(scripted.api, "has_books", False))
    shown.wait_for_text(
        "#outage", "The server responded with 503: no books today. This page keeps trying."
    )
    # The stream of one continues; the other one's state is unknown.
    assert shown.row("ETH/USD")["status"] == "unknown"
    assert shown.row("BTC/USD")["status"] == shown.ladder("BTC/USD")["status"]
    scripted.await_(scripted.api.stop)
    shown.wait_for_text("#outage", "The server cannot be reached.")
    shown.wait_until_doubted("BTC/USD")
    shown.wait_for_text("section.ladder .doubt", "This page is reconnecting.")
    scripted.do(lambda: setattr(scripted.api, "has_books", True))
    scripted.await_(scripted.api.start)
    shown.wait_for("BTC/USD", status="live")
    wait_until(lambda: shown.text("#outage") == "", "the outage is over")


def test_page_reopens_refused_stream(scripted: ScriptedPage, shown: Shown) -> None:
    market = scripted.market("BTC/USD")
    scripted.do(lambda: setattr(scripted.api, "has_streams", False))
    shown.page.goto(scripted.url)
    shown.wait_for("BTC/USD", status="syncing")
    shown.wait_for_text("section.ladder .doubt", "The stream does not open.")
    scripted.do(lambda: setattr(scripted.api, "has_streams", True))
    shown.wait_for("BTC/USD", status="live")
    scripted.do(lambda: market.update(bids=[("99.9", "1.00000000")]))
    assert shown.wait_for_seq("BTC/USD", 2)["mismatches"] == "0"


def test_page_reports_empty_list_of_books(scripted: ScriptedPage, shown: Shown) -> None:
    shown.page.goto(f"{scripted.url}#BTC/USD")
    shown.wait_for_text("#no-book", "no collector has reported its symbols")
    assert shown.text("#notice") == ""


def test_page_reports_answer_of_other_program(scripted: ScriptedPage, shown: Shown) -> None:
    shown.page.route("**/books", lambda route: route.fulfill(body="<html>", status=200))
    shown.page.goto(scripted.url)
    shown.wait_for_text("#outage", "is not a list of books")


def test_page_without_shared_worker_reads_streams_directly(
    scripted: ScriptedPage, shown_in_new_page: Shown
) -> None:
    shown = shown_in_new_page
    scripted.market("BTC/USD")
    shown.page.add_init_script("delete window.SharedWorker")
    shown.page.goto(scripted.url)
    shown.wait_for("BTC/USD", status="live")


def test_page_whose_worker_fails_reads_streams_directly(
    scripted: ScriptedPage, shown_in_new_page: Shown
) -> None:
    shown = shown_in_new_page
    scripted.market("BTC/USD")
    shown.page.add_init_script(
        "const Real = SharedWorker; window.SharedWorker = function (url, options) {"
        " return new Real(String(url).replace('worker.js', 'gone.js'), options) }"
    )
    shown.page.goto(scripted.url)
    shown.wait_for("BTC/USD", status="live")


def test_hidden_page_reads_nothing(scripted: ScriptedPage, shown: Shown) -> None:
    scripted.market("BTC/USD")
    shown.page.goto(scripted.url)
    shown.wait_for("BTC/USD", status="live")
    see = (
        "Object.defineProperty(document, 'hidden', { configurable: true, value: %s });"
        " document.dispatchEvent(new Event('visibilitychange'))"
    )
    shown.page.evaluate(see % "true")
    wait_until(lambda: not scripted.do(lambda: scripted.api.is_followed), "the stream is closed")
    shown.page.evaluate(see % "false")
    shown.wait_for("BTC/USD", status="live")


def test_every_text_has_enough_contrast_in_every_state(
    scripted: ScriptedPage, shown: Shown
) -> None:
    good, stale = scripted.market("BTC/USD", source="kraken"), scripted.market("ETH/USD")
    refused, elsewhere = scripted.market("BAD/USD"), scripted.market("binance:BTC/USD")
    scripted.do(lambda: elsewhere.row.update(status="stale", reason="age"))
    scripted.do(lambda: refused.row.update(status="refused", reason="Currency pair not supported"))
    shown.page.emulate_media(reduced_motion="reduce")
    shown.page.goto(f"{scripted.url}#BTC/USD,ETH/USD,BAD/USD,FOO/BAR")
    for market in (good, stale):
        shown.wait_for(market.symbol, status="live")
        scripted.do(partial(market.update, bids=[("99.9", "0.10000000")]))
    asked = len(scripted.api.streams_asked)
    scripted.do(lambda: good.update(bids=[("99.8", "1.00000000")], is_lie=True))
    # The page opens a new stream, which begins with live books.
    wait_until(lambda: len(scripted.api.streams_asked) > asked, "the page has asked again")
    shown.wait_for("BTC/USD", status="live")
    scripted.do(lambda: stale.status("stale", "age", by_api=True))
    shown.wait_for("ETH/USD", status="stale")
    shown.wait_for_text(".best-prices", "stale, left out")
    assert_readable(shown)
    scripted.do(lambda: setattr(scripted.api, "has_books", False))
    shown.wait_for_text("#outage", "no books today")
    assert_readable(shown)


def test_table_has_several_venues_and_shows_one_alone(scripted: ScriptedPage, shown: Shown) -> None:
    scripted.market("BTC/USD", source="kraken")
    page = shown.page
    page.goto(f"{scripted.url}#BTC/USD,coinbase:btc-usd")
    shown.wait_for("BTC/USD", status="live")
    # One venue needs neither a column nor a filter.
    assert not page.locator("#overview .venue:visible").count()
    assert not page.get_by_role("combobox", name="Venue").is_visible()
    scripted.market("coinbase:BTC/USD", source="coinbase")
    shown.wait_for("coinbase:BTC/USD", status="live", source="coinbase")
    shown.wait_for_text("#venues", "live Kraken, Coinbase")
    cells = page.locator("#overview tbody td.venue")
    assert cells.all_inner_texts() == ["Kraken", "Coinbase"]
    assert page.locator("#overview tbody .toggle").all_inner_texts() == ["BTC/USD", "BTC/USD"]
    page.get_by_role("combobox", name="Venue").select_option("coinbase")
    visible = page.locator("#overview tbody tr:visible")
    assert visible.evaluate_all("rows => rows.map((row) => row.dataset.symbol)") == [
        "coinbase:BTC/USD"
    ]
    page.get_by_role("button", name="coinbase:BTC/USD", exact=True).click()
    wait_until(
        lambda: page.locator("section.ladder").count() == 1, "the ladder of Coinbase is closed"
    )
    assert shown.errors == []
