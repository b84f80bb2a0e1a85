"""The view of one book in a real browser."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from lab.chromium import find_chromium
from lab.scripted_api import ScriptedMarket
from lab.services import Api
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.page.test_page_words import assert_readable
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")

Levels = list[list[str]]


@pytest.fixture
def scripted() -> Iterator[ScriptedPage]:
    with ScriptedPage() as opened:
        yield opened


class BookPage:
    """The view of a book, as its visitors see it."""

    def __init__(self, shown: Shown, url: str, name: str) -> None:
        self.shown = shown
        self.page = shown.page
        self.page.goto(f"{url}#/{name}")

    def part(self, name: str) -> str:
        """Return the text of a part of the view."""
        return self.page.locator(f".book [data-part='{name}']").first.inner_text()

    def fact(self, name: str) -> str:
        """Return the words of a fact, without its shape."""
        return self.page.locator(f".facts [data-fact='{name}'] > span:last-child").inner_text()

    def data(self) -> dict[str, str]:
        """Return the data of the view; empty without a book."""
        found: dict[str, str] = self.page.evaluate(
            "() => ({...document.querySelector('.book')?.dataset})"
        )
        return found

    def wait_for(self, **facts: str) -> None:
        """Return when the view has these data."""
        try:
            wait_until(lambda: facts.items() <= self.data().items(), f"the book shows {facts}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the data are {self.data()}") from None

    def wait_for_fact(self, name: str, words: str) -> None:
        """Return when a fact has these words."""
        wait_until(lambda: self.fact(name) == words, f"{name} is {words}; it is {self.fact(name)}")

    def rows(self, side: str) -> list[list[str]]:
        """Return price, quantity and total of each row as they are visible, best first."""
        rows: list[list[str]] = self.page.locator(
            f".depth-ladder li[data-side='{side}']"
        ).evaluate_all(
            "rows => rows.map((row) => [...row.children].map((part) => part.textContent))"
        )
        return rows

    def choice(self, name: str) -> str:
        """Return the value of a choice."""
        return self.page.locator(f".book [data-part='{name}']").input_value()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            self.page.keyboard.press(key)


def with_totals(levels: Levels) -> list[list[str]]:
    """Return levels with their totals, computed by Python's decimals."""
    total = Decimal(0)
    found = []
    for price, qty in levels:
        total += Decimal(qty)
        found.append([price, qty, f"{total:f}"])
    return found


def deep_market(scripted: ScriptedPage, symbol: str, source: str = "kraken") -> ScriptedMarket:
    """Return a market with 30 levels of each side, a tick apart."""
    bids = [(f"{Decimal(1000 - tick) / 10:.1f}", f"{tick + 1}.50000000") for tick in range(30)]
    asks = [(f"{Decimal(1001 + tick) / 10:.1f}", f"{tick + 2}.25000000") for tick in range(30)]
    return scripted.do(lambda: scripted.api.market(symbol, bids, asks, depth=100, source=source))


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


def test_explanation_has_text_and_checksum_of_one_event(
    scripted: ScriptedPage, shown: Shown
) -> None:
    market = deep_market(scripted, "BTC/USD")
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    book.wait_for_fact("verified", "1 event")
    for number in range(3):
        scripted.do(partial(market.update, bids=[("99.9", f"{number + 7}.00000001")]))
    book.wait_for_fact("verified", "4 events")
    page = book.page
    page.get_by_role("button", name="How is it proved?").click()

    def shown_check() -> tuple[str, str, str]:
        text, computed, received = (
            page.locator(f".explanation [data-part='{name}']").inner_text()
            for name in ("text", "computed", "received")
        )
        return text, computed, received

    text, computed, received = shown_check()
    assert str(zlib.crc32(text.encode())) == computed == received
    assert received == str(scripted.do(market.book.checksum))
    assert "seq 4 of epoch 1785638131660" in shown.text(".explanation [data-part='event']")
    assert shown.text(".explanation [data-part='result']") == "✓ equal"
    assert "4 events" in shown.text(".explanation [data-part='count']")
    assert "the checksum above is Kraken's" in shown.text(".explanation [data-part='collector']")
    assert f'b"{text}"' in shown.text(".explanation [data-part='command']")
    page.get_by_text("The levels behind the text").click()
    digits = page.locator(".explanation tbody td:last-child").all_inner_texts()
    assert len(digits) == 20
    assert "".join(digits) == text

    # It rests, until the newest comparison is asked for.
    scripted.do(lambda: market.update(asks=[("100.1", "0.00000000")]))
    book.wait_for_fact("verified", "5 events")
    assert shown_check() == (text, computed, received)
    page.get_by_role("button", name="Show the newest check").click()
    newer, computed, received = shown_check()
    assert newer != text
    assert str(zlib.crc32(newer.encode())) == computed == received
    assert "seq 5 " in shown.text(".explanation [data-part='event']")
    page.get_by_role("button", name="Copy the command").click()
    wait_until(lambda: shown.text(".explanation [data-part='copied']") != "", "it is copied")
    book.press("e")

    # A wrong checksum is shown as such, and the page loads the book again.
    scripted.do(lambda: setattr(scripted.api, "has_streams", False))
    scripted.do(lambda: market.update(bids=[("99.8", "1.00000000")], is_lie=True))
    book.wait_for(doubt="mismatch")
    assert book.fact("mismatches") == "1"
    book.press("e")
    text, computed, received = shown_check()
    assert str(zlib.crc32(text.encode())) == computed != received
    assert shown.text(".explanation [data-part='result']") == "✕ different"
    book.press("e")
    scripted.do(lambda: setattr(scripted.api, "has_streams", True))
    book.wait_for(status="live")
    assert shown.errors == []


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


def test_facts_tell_every_event_that_matters(scripted: ScriptedPage, shown: Shown) -> None:
    market = deep_market(scripted, "BTC/USD")
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    wait_until(lambda: book.part("news") == "BTC/USD is live and verified.", "it is announced")
    news = """() => { window.news = []
        const part = document.querySelector(".book [data-part='news']")
        new MutationObserver(() => window.news.push(part.textContent))
          .observe(part, { childList: true, characterData: true, subtree: true }) }"""
    book.page.evaluate(news)
    scripted.do(lambda: market.update(bids=[("99.9", "2.00000000")]))
    scripted.do(lambda: market.send_snapshot(3))
    book.wait_for_fact("conflated", "3")
    assert book.fact("seq") == str(market.seq)
    assert book.fact("epoch") == "1785638131660"
    assert book.fact("proof") == "venue's checksum"
    assert book.fact("stream") == "open"
    assert book.fact("source") == "Kraken"
    # Screen readers hear nothing of what changes prices.
    assert book.page.evaluate("window.news") == []

    scripted.do(lambda: market.lag(12))
    book.wait_for_fact("lagged", "1 (12 missed)")
    scripted.do(market.send_snapshot)
    book.wait_for(status="live")
    scripted.do(lambda: market.status("stale", "age", by_api=True))
    book.wait_for(status="stale")
    assert "was not confirmed for too long" in book.part("doubt")
    assert book.fact("status") == "stale"
    wait_until(lambda: "is stale." in book.part("news"), "the status is announced")
    scripted.do(market.send_snapshot)
    book.wait_for(status="live")

    # The api restarts: the stream is resumed, or begins again.
    scripted.await_(scripted.api.stop)
    book.wait_for(doubt="interrupted")
    assert book.fact("stream") == "interrupted, reconnecting"
    shown.wait_for_text("#outage", "The server cannot be reached.")
    scripted.await_(scripted.api.start)
    book.wait_for(status="live")
    assert book.fact("resumed") == "1"
    assert book.fact("mismatches") == "0"
    assert shown.errors == []


@pytest.mark.parametrize(
    ("source", "words", "banner"),
    [
        ("simulated", "simulated, not Kraken", "SIMULATED MARKETS"),
        ("replay", "replay of a recording", "REPLAY OF A RECORDING"),
    ],
)
def test_book_that_is_not_live_says_so(
    scripted: ScriptedPage, shown: Shown, source: str, words: str, banner: str
) -> None:
    deep_market(scripted, "BTC/USD", source)
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live", source=source)
    assert book.fact("source") == words
    assert book.part("source") == source
    shown.wait_for_text("#not-live", banner)
    book.press("e")
    assert source.removesuffix("d") in shown.text(".explanation [data-part='source']")


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_violates_a_rule_of_axe(scripted: ScriptedPage, shown: Shown, scheme: Any) -> None:
    market = deep_market(scripted, "BTC/USD")
    deep_market(scripted, "ETH/USD", "simulated")
    page = shown.page
    # The other way round than the system's, so that the switch is what decides.
    page.emulate_media(
        color_scheme="dark" if scheme == "light" else "light", reduced_motion="reduce"
    )
    book = BookPage(shown, scripted.url, "BTC/USD")
    page.get_by_role("combobox", name="Theme").select_option(scheme)
    book.wait_for(status="live")
    page.get_by_role("combobox", name="Group").select_option("5")
    assert_readable(shown)
    for key in ("e", "?"):
        book.press(key)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert_readable(shown)
        book.press("Escape")
    scripted.do(lambda: market.status("stale", "age", by_api=True))
    book.wait_for(status="stale")
    assert_readable(shown)
    page.goto(f"{scripted.url}#/FOO/BAR")
    shown.wait_for_text("main", "There is no book")
    page.goto(f"{scripted.url}#")
    shown.wait_for("ETH/USD", status="live")
    assert_readable(shown)
    assert not page.evaluate("document.getAnimations().length")
    assert shown.errors == []


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
