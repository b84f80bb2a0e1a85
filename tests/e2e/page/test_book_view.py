"""The view of one book in a real browser."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pytest

from lab.chromium import find_chromium
from lab.services import Api
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.book_page import BookPage, deep_market, with_totals
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")


def test_keys_and_history_lead_from_book_to_book(scripted: ScriptedPage, shown: Shown) -> None:
    for symbol in ("BTC/USD", "ETH/USD", "SOL/USD"):
        deep_market(scripted, symbol)
    page = shown.page
    page.goto(f"{scripted.url}#ETH/USD")
    shown.wait_for("ETH/USD", status="live")
    page.locator("section.ladder h2 a").focus()
    page.keyboard.press("Enter")
    book = BookPage(shown, scripted.url, "ETH/USD")
    book.wait_for(symbol="ETH/USD", status="live")
    assert page.evaluate("document.activeElement.textContent") == "ETH/USD"
    # n and p go around; back and forward return.
    for key, symbol in (("n", "SOL/USD"), ("n", "BTC/USD"), ("p", "SOL/USD")):
        book.press(key)
        book.wait_for(symbol=symbol, status="live")
    assert page.evaluate("location.hash") == "#/SOL/USD"
    page.go_back()
    book.wait_for(symbol="BTC/USD", status="live")
    page.go_forward()
    book.wait_for(symbol="SOL/USD", status="live")
    assert page.title().endswith("SOL/USD")
    book.press("Escape")
    shown.wait_for("ETH/USD", status="live")
    assert page.evaluate("location.hash") == "#ETH/USD"
    # The focus returns with the back button too.
    book.press("p")
    page.locator("section.ladder h2 a").press("Enter")
    book.wait_for(symbol="ETH/USD", status="live")
    page.go_back()
    shown.wait_for("ETH/USD", status="live")
    assert page.evaluate("document.activeElement.textContent") == "ETH/USD"
    assert shown.errors == []


def test_next_and_previous_book_are_those_of_the_table(
    scripted: ScriptedPage, shown: Shown
) -> None:
    page = shown.page
    for symbol, bid in (("A/USD", "3.0"), ("B/USD", "1.0"), ("C/USD", "2.0"), ("D/EUR", "4.0")):
        market = scripted.market(symbol)
        market.row = {"best_bid": {"price": bid, "qty": "1"}}
    # A short table has no search.
    for number in range(12):
        scripted.market(f"X{number}/EUR")
    page.goto(f"{scripted.url}#none")
    page.get_by_role("columnheader", name="Best bid").get_by_role("button").click()
    page.get_by_label("Find a book").fill("usd")
    wait_until(lambda: page.locator("#overview tbody tr").count() == 3, "the table is filtered")
    page.get_by_role("link", name="Open the book of A/USD").click()
    book = BookPage(shown, scripted.url, "A/USD")
    for key, symbol in (("n", "C/USD"), ("n", "B/USD"), ("n", "A/USD"), ("p", "B/USD")):
        book.press(key)
        book.wait_for(symbol=symbol, status="live")
    # Other figures do not move the books while one goes through them.
    scripted.api.markets["B/USD"].row = {"best_bid": {"price": "9.0", "qty": "1"}}
    with page.expect_response("**/books"):
        pass
    book.press("p")
    book.wait_for(symbol="C/USD")
    # A new visit has the order that the browser has kept, without the table.
    scripted.do(lambda: scripted.api.markets.pop("C/USD"))
    page.goto(f"{scripted.url}#/A/USD")
    page.reload()
    book.wait_for(symbol="A/USD", status="live")
    assert page.get_by_role("link", name="Previous book: B/USD").is_visible()
    # A book that the table does not show is before its first one.
    page.goto(f"{scripted.url}#/D/EUR")
    book.wait_for(symbol="D/EUR", status="live")
    book.press("n")
    book.wait_for(symbol="B/USD", status="live")
    assert shown.errors == []


def test_every_choice_of_the_book_view_has_a_key(scripted: ScriptedPage, shown: Shown) -> None:
    for symbol in ("BTC/USD", "SOL/USD"):
        deep_market(scripted, symbol)
    page = shown.page
    book = BookPage(shown, scripted.url, "SOL/USD")
    book.wait_for(symbol="SOL/USD", status="live")
    assert book.choice("levels") == "25"
    book.press("l", "l", "l")
    assert book.choice("levels") == "100"
    assert len(book.rows("ask")) == 30
    book.press("L", "L", "L", "L")
    assert book.choice("levels") == "10"
    assert len(book.rows("ask")) == 10
    assert book.choice("group") == "1"
    book.press("g")
    assert book.choice("group") == "5"
    assert book.rows("ask")[0][0] == "100.5"
    book.press("g", "g", "G")
    assert book.choice("group") == "5"

    book.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    for does in ("next book", "back to all books", "change the theme"):
        assert does in shown.text("#key-help")
    book.press("n", "?")
    assert not page.get_by_role("dialog").is_visible()
    book.press("e")
    assert page.get_by_role("dialog", name="How SOL/USD is proved").is_visible()
    book.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    grounds = set()
    for theme in ("light", "dark", "system"):
        book.press("t")
        assert page.get_by_role("combobox", name="Theme").input_value() == theme
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    # Keys of one character can be switched off; then the button opens the list.
    book.press("?")
    page.get_by_role("checkbox").uncheck()
    book.press("Escape", "n")
    assert page.evaluate("location.hash") == "#/SOL/USD"
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("checkbox").check()
    book.press("Escape", "n")
    book.wait_for(symbol="BTC/USD", status="live")
    assert shown.errors == []


def test_choices_are_kept_levels_for_all_books_and_groups_for_each(
    scripted: ScriptedPage, shown: Shown
) -> None:
    for symbol in ("BTC/USD", "ETH/USD"):
        deep_market(scripted, symbol)
    scripted.market("SOL/USD")
    book = BookPage(shown, scripted.url, "btc-usd")
    book.wait_for(symbol="BTC/USD", status="live")
    book.page.get_by_role("combobox", name="Levels").select_option("50")
    book.page.get_by_role("combobox", name="Group").select_option("10")
    book.page.get_by_role("combobox", name="Theme").select_option("light")
    # Fields keep the letters that are typed in them.
    book.page.get_by_role("combobox", name="Theme").focus()
    book.press("n")
    assert book.page.evaluate("location.hash") == "#/btc-usd"
    book.page.reload()
    book.wait_for(symbol="BTC/USD", status="live")
    assert (book.choice("levels"), book.choice("group")) == ("50", "10")
    assert book.page.get_by_role("combobox", name="Theme").input_value() == "light"
    book.page.goto(f"{scripted.url}#/ETH/USD")
    book.wait_for(symbol="ETH/USD", status="live")
    assert (book.choice("levels"), book.choice("group")) == ("50", "1")
    # A book with fewer levels shows all that it has, and changes nothing.
    book.page.goto(f"{scripted.url}#/SOL/USD")
    book.wait_for(symbol="SOL/USD", status="live")
    assert book.choice("levels") == "10"
    book.page.goto(f"{scripted.url}#/BTC/USD")
    book.wait_for(symbol="BTC/USD", status="live")
    assert (book.choice("levels"), book.choice("group")) == ("50", "10")
    book.page.get_by_role("combobox", name="Theme").select_option("system")


def test_changed_level_flashes_unless_motion_is_reduced(
    scripted: ScriptedPage, shown: Shown
) -> None:
    market = deep_market(scripted, "BTC/USD")
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for_fact("verified", "1 event")
    book.page.evaluate(
        """() => {
            window.flashed = []
            const animate = Element.prototype.animate
            Element.prototype.animate = function (...given) {
                window.flashed.push(this.dataset.price)
                return animate.apply(this, given)
            }
        }"""
    )
    scripted.do(lambda: market.update(bids=[("99.7", "2.00000000")]))
    wait_until(lambda: book.page.evaluate("window.flashed.length") > 0, "a row flashes")
    assert book.page.evaluate("window.flashed") == ["99.7"]
    # Another choice of rows is no change of a level.
    book.press("g")
    book.page.emulate_media(reduced_motion="reduce")
    scripted.do(lambda: market.update(asks=[("100.3", "2.00000000")]))
    book.wait_for_fact("verified", "3 events")
    assert book.page.evaluate("window.flashed") == ["99.7"]


def test_unknown_name_is_explained_and_book_appears_later(
    scripted: ScriptedPage, shown: Shown
) -> None:
    scripted.market("BTC/USD")
    page = shown.page
    page.goto(f"{scripted.url}#/foo-bar\u202e")
    shown.wait_for_text("main", "There is no book “\u2068foo-bar\ufffd\u2069”.")
    wait_until(lambda: page.title() == "simulated · kraken-book", "the title names no book")
    scripted.market("ETH/USD")
    page.goto(f"{scripted.url}#/eth-usd")
    book = BookPage(shown, scripted.url, "eth-usd")
    book.wait_for(symbol="ETH/USD", status="live")
    # A book that has left the list is not shown as live.
    markets = dict(scripted.api.markets)
    scripted.do(scripted.api.markets.clear)
    shown.wait_for_text("#no-book", "There is no book yet")
    assert page.locator(".book").count() == 0
    scripted.do(lambda: scripted.api.markets.update({"BTC/USD": markets["BTC/USD"]}))
    shown.wait_for_text("main", "There is no book “\u2068eth-usd\u2069”.")
    page.get_by_role("link", name="Show all books").click()
    shown.wait_for("BTC/USD", status="live")
    assert shown.errors == []


def test_totals_and_groups_are_marked_at_the_end_of_the_window(
    scripted: ScriptedPage, shown: Shown
) -> None:
    bids = [(f"{Decimal(1000 - tick) / 10:.1f}", "1.00000000") for tick in range(10)]
    asks = [(f"{Decimal(1001 + tick) / 10:.1f}", "1.00000000") for tick in range(9)]
    scripted.do(lambda: scripted.api.market("BTC/USD", bids, asks, source="kraken"))
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    assert book.rows("bid") == with_totals([list(level) for level in bids])
    assert book.part("cut") == ""
    book.page.get_by_role("combobox", name="Group").select_option("5")
    # 99.1 is the last bid of ten, so 99.0 may have more; the asks are fewer than ten.
    assert [row[0] for row in book.rows("bid")] == ["100.0", "99.5", "99.0"]
    assert book.rows("bid")[-1] == ["99.0", "4.00000000", "10.00000000"]
    cut = book.page.locator(".depth-ladder li[data-cut]")
    assert cut.evaluate_all("rows => rows.map((row) => row.dataset.price)") == ["99.0"]
    assert "The best 10 levels" in book.part("cut")


def test_long_ladder_has_current_rows_in_view_and_soon_everywhere(
    scripted: ScriptedPage, shown: Shown
) -> None:
    sides = {
        "bid": [[f"{Decimal(10_000 - tick) / 10:.1f}", "1.00000000"] for tick in range(300)],
        "ask": [[f"{Decimal(10_001 + tick) / 10:.1f}", "2.00000000"] for tick in range(300)],
    }
    pairs = {side: [(price, qty) for price, qty in levels] for side, levels in sides.items()}
    market = scripted.do(
        lambda: scripted.api.market(
            "BTC/USD", pairs["bid"], pairs["ask"], depth=500, source="kraken"
        )
    )
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for_fact("verified", "1 event")
    levels = book.page.get_by_role("combobox", name="Levels")
    levels.select_option("500")
    wait_until(lambda: len(book.rows("ask")) == 300, "all levels are shown")
    for number in (0, 1, 150, 299):
        for levels_ in sides.values():
            levels_[number][1] = f"{number}.{number + 10:03}00000"
        bid, ask = ((sides[side][number][0], sides[side][number][1]) for side in ("bid", "ask"))
        scripted.do(partial(market.update, bids=[bid], asks=[ask]))
    wait_until(
        lambda: all(book.rows(side) == with_totals(levels_) for side, levels_ in sides.items()),
        "every row is current",
    )
    levels.select_option("25")


def test_view_shows_the_simulators_book_and_survives_a_killed_api(
    stage: Stage, shown: Shown
) -> None:
    redis = stage.redis()
    simulator = stage.simulator(
        "--symbols", "BTC/USD,ETH/USD", "--updates", "60", "--rate", "60", "--control", "0"
    )
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD,ETH/USD", KRAKEN_DEPTH="25"
    )
    api = stage.api(redis.url)
    collector.wait_until_live(2)
    book = BookPage(shown, f"{api.url}/", "BTC/USD")
    book.wait_for(status="live", source="simulated")
    simulator.wait_for_line("markets stopped")

    def is_simulators(book: BookPage, api: Api) -> None:
        own = simulator.book("BTC/USD", 25)
        sides = {side: with_totals(own[f"{side}s"]) for side in ("bid", "ask")}
        wait_until(
            lambda: {side: book.rows(side) for side in sides} == sides, "the figures are equal"
        )
        bid, ask = (sides[side][0][0] for side in ("bid", "ask"))
        assert [book.part("best-bid"), book.part("best-ask")] == [bid, ask]
        assert Decimal(book.part("spread")) == Decimal(ask) - Decimal(bid)
        assert book.fact("seq") == str(api.get("/depth/BTC/USD").json()["seq"])

    is_simulators(book, api)
    api.kill()
    book.wait_for(doubt="interrupted")
    api.restart()
    book.wait_for(status="live")
    is_simulators(book, api)
    assert book.fact("mismatches") == "0"
    assert shown.errors == []
