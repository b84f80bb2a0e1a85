"""The table of all books in a real browser, with a scripted api of 1,100 books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize

from lab.chromium import find_chromium
from lab.waiting import wait_until
from tests.e2e.readable import assert_readable
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")

COUNT = 1100
WIDE: ViewportSize = {"width": 1440, "height": 900}
MEDIUM: ViewportSize = {"width": 820, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 900}
MOST_RENDERED = 60
NOTHING = {"age_ms": None, "best_bid": None, "best_ask": None, "spread": None, "seq": None}
STATUSES: dict[int, dict[str, Any]] = {
    3: {"status": "stale", "reason": "age", "age_ms": 60_000},
    5: {"status": "syncing", "reason": "checksum", **NOTHING},
    7: {"status": "refused", "reason": "Currency pair not supported", **NOTHING},
    9: {"status": "asked", **NOTHING},
}


def symbol_of(number: int) -> str:
    venue = ("", "binance:", "coinbase:")[number % 3]
    return f"{venue}C{number:04}/USD"


def row_of(number: int) -> dict[str, Any]:
    """Return what /books says of a book: prices of different precision, no two alike."""
    bid = Decimal(number * 7919 % 100_003 + 1).scaleb(-(number % 5))
    ask = bid + Decimal(number % 13 + 1).scaleb(-(number % 5))
    best = {
        "best_bid": {"price": f"{bid:f}", "qty": "1"},
        "best_ask": {"price": f"{ask:f}", "qty": "1"},
    }
    return {
        **best,
        "spread": f"{ask - bid:f}",
        "age_ms": number * 31 % 4000 + 100,
        **STATUSES.get(number, {}),
    }


@pytest.fixture(scope="module")
def many(shared_scripted: ScriptedPage) -> ScriptedPage:
    shared_scripted.reset()
    for number in range(COUNT):
        symbol = symbol_of(number)
        market = shared_scripted.market(
            symbol, source=symbol.partition(":")[0] if ":" in symbol else "kraken"
        )
        market.row = row_of(number)
    return shared_scripted


class Table:
    """The table in an open page."""

    def __init__(self, shown: Shown, url: str) -> None:
        self.shown = shown
        self.page: Page = shown.page
        self.url = url

    def open(self) -> None:
        self.page.goto(f"{self.url}#none")
        wait_until(
            lambda: self.counts.startswith("1,100") or "of 1,100" in self.counts, "books are there"
        )

    @property
    def counts(self) -> str:
        return self.page.locator("#overview .counts").inner_text()

    @property
    def symbols(self) -> list[str]:
        """The symbols of the rendered rows, from top to bottom."""
        rows: list[tuple[int, str]] = self.page.evaluate(
            """() => [...document.querySelectorAll("#overview tbody tr")]
                .map((row) => [Number(row.ariaRowIndex), row.dataset.symbol])"""
        )
        # The order of the elements is that of the rows, for screen readers.
        assert rows == sorted(rows)
        assert len(rows) < MOST_RENDERED
        return [symbol for _, symbol in rows]

    def sort(self, title: str) -> None:
        self.page.get_by_role("columnheader", name=title, exact=True).get_by_role("button").click()

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, f"{what}; the table has {self.symbols[:3]}, {self.counts}")

    def wait_for_order(self, title: str, expected: list[str], *, turned: bool) -> None:
        """Return when a column sorts the books, from the first to the last, as expected."""
        direction = "descending" if turned else "ascending"
        header = self.page.get_by_role("columnheader", name=title, exact=True)
        assert header.get_attribute("aria-sort") == direction
        self.wait_for(lambda: self.symbols == expected[: len(self.symbols)], f"{title} {direction}")
        # The last rows, among them those without a value.
        self.page.evaluate("document.querySelector('#overview .scroll').scrollTop = 1e6")
        self.wait_for(lambda: self.symbols == expected[-len(self.symbols) :], f"{title}, the end")

    def focused(self) -> str:
        """Return the label of the focused element."""
        label: str = self.page.evaluate(
            "document.activeElement.ariaLabel ?? document.activeElement.textContent"
        )
        return label


@pytest.fixture(scope="module")
def wide_page(page: Page) -> Iterator[Page]:
    # Another page than that of the other files, which keeps its size.
    opened = page.context.new_page()
    yield opened
    opened.close()


@pytest.fixture
def table(many: ScriptedPage, wide_page: Page) -> Iterator[Table]:
    wide_page.set_viewport_size(WIDE)
    wide_page.emulate_media(reduced_motion="reduce")
    shown = Shown(wide_page)
    opened = Table(shown, many.url)
    opened.open()
    yield opened
    assert shown.errors == []
    shown.leave()


def order_by(key: Callable[[dict[str, Any]], Any], *, turned: bool = False) -> list[str]:
    """Return the symbols in the order of a key; those without one last, equal ones by symbol."""
    numbers = range(COUNT)
    known = [number for number in numbers if key(row_of(number)) is not None]
    missing = [number for number in numbers if number not in set(known)]
    known.sort(key=lambda number: (key(row_of(number)) * (-1 if turned else 1), number))
    return [symbol_of(number) for number in [*known, *missing]]


def price(side: str) -> Callable[[dict[str, Any]], Decimal | None]:
    return lambda row: row[side] and Decimal(row[side]["price"])


def points(row: dict[str, Any]) -> Decimal | None:
    if row["best_bid"] is None:
        return None
    bid, ask = (Decimal(row[side]["price"]) for side in ("best_bid", "best_ask"))
    return ((ask - bid) * 20_000 / (ask + bid)).quantize(Decimal("0.01"), "ROUND_HALF_EVEN")


RANKS = ["live", "stale", "syncing", "asked", "refused"]


def test_every_column_sorts_all_books(table: Table) -> None:
    columns: dict[str, tuple[Callable[[dict[str, Any]], Any], bool]] = {
        "Best bid": (price("best_bid"), True),
        "Best ask": (price("best_ask"), True),
        "Spread": (lambda row: row["spread"] and Decimal(row["spread"]), False),
        "bps": (points, False),
        "Age": (lambda row: row["age_ms"], True),
        "Status": (lambda row: RANKS.index(row.get("status", "live")), False),
    }
    for title, (key, is_turned) in columns.items():
        for turned in (is_turned, not is_turned):
            table.sort(title)
            table.wait_for_order(title, order_by(key, turned=turned), turned=turned)
    assert table.page.locator("[aria-sort]").count() == 1
    for title in ("Updates/s", "Mid, 5 min", "Venue", "Favourite", "Symbol"):
        table.sort(title)
        assert table.page.locator("[aria-sort]").count() == 1
    table.wait_for(lambda: table.symbols[0] == symbol_of(0), "sorted by symbol")


def test_row_shows_the_book(table: Table, many: ScriptedPage) -> None:
    cells = table.page.locator("#overview tbody tr").nth(2).locator("td, th")
    row = row_of(2)
    bid, ask = row["best_bid"]["price"], row["best_ask"]["price"]
    texts = cells.all_inner_texts()
    assert texts[1:3] == ["C0002/USD", "Coinbase"]
    assert "live" in texts[3]
    assert texts[4:8] == [bid, ask, row["spread"], f"{points(row)}"]
    assert texts[9].endswith(" s")
    assert table.page.locator("#overview tbody tr").nth(2).get_attribute("aria-rowindex") == "4"
    assert table.page.locator("#overview table").get_attribute("aria-rowcount") == str(COUNT + 1)
    # The rate and the sparkline are those of the later responses.
    market = many.api.markets[symbol_of(2)]
    many.do(lambda: setattr(market, "seq", market.seq + 100))
    wait_until(
        lambda: float(cells.nth(8).inner_text().replace("—", "0")) > 0, "updates are counted"
    )
    many.do(lambda: market.row.update(best_bid={"price": "1", "qty": "1"}))
    sparkline = table.page.get_by_role("img", name="mid: fallen")
    wait_until(lambda: sparkline.count() == 1, "the mid has fallen")
    ink = """(canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
        return data.some((value) => value > 0)
    }"""
    assert sparkline.evaluate(ink)
    many.do(lambda: setattr(market, "row", row))


def test_search_and_filters_are_kept_for_the_tab_and_favourites_for_all(table: Table) -> None:
    page = table.page
    search = page.get_by_label("Find a book")
    search.fill("c0010")
    table.wait_for(lambda: table.symbols == ["binance:C0010/USD"], "one book is found")
    assert table.counts == "1 of 1,100 books"
    for text in ("c0010usd", "BINANCE:c0010-usd", "binance 0010", "c0010_usd"):
        search.fill(text)
        table.wait_for(lambda: table.symbols == ["binance:C0010/USD"], text)
    search.fill("zebra")
    wait_until(
        lambda: "matches “\u2068zebra\u2069”" in page.locator(".no-hit").inner_text(), "none"
    )
    page.get_by_role("button", name="Show all").click()
    page.get_by_role("combobox", name="Venue").select_option("coinbase")
    table.wait_for(lambda: table.counts == "366 of 1,100 books", "Coinbase's books")
    page.get_by_label("Status").select_option("not live")
    table.wait_for(lambda: table.symbols == ["coinbase:C0005/USD"], "not live")
    assert "did not match" in (page.locator("#overview tbody tr").get_attribute("title") or "")
    page.get_by_role("button", name="Favourite coinbase:C0005/USD").click()
    table.sort("Best bid")
    page.reload()
    table.wait_for(lambda: table.symbols == ["coinbase:C0005/USD"], "filters are kept")
    assert page.get_by_label("Status").input_value() == "not live"
    star = page.get_by_role("button", name="Favourite coinbase:C0005/USD")
    assert star.get_attribute("aria-pressed") == "true"
    # Not by colour alone.
    shape = "(star) => getComputedStyle(star, '::before').content"
    assert star.evaluate(shape) == '"★"'
    page.get_by_role("button", name="Show all").click()
    unmarked = page.locator("#overview .star[aria-pressed='false']").first
    assert unmarked.evaluate(shape) == '"☆"'

    other = page.context.new_page()
    second = Table(Shown(other), table.url)
    second.open()
    assert second.counts == "1,100 books"
    best_bid = other.get_by_role("columnheader", name="Best bid", exact=True)
    assert best_bid.get_attribute("aria-sort") == "descending"
    other.get_by_role("button", name="★ Favourites").click()
    second.wait_for(lambda: second.symbols == ["coinbase:C0005/USD"], "the favourite")
    # A mark of one window appears in the other one.
    page.get_by_label("Find a book").fill("c0017")
    page.get_by_role("button", name="Favourite coinbase:C0017/USD").click()
    second.wait_for(lambda: len(second.symbols) == 2, "the other favourite")
    # The row with the focus leaves, and the next one gets it.
    first = other.locator("#overview .star").first
    first.press("Enter")
    second.wait_for(lambda: len(second.symbols) == 1, "one favourite is left")
    assert second.focused() == f"Favourite {second.symbols[0]}"
    other.close()


def test_few_rows_exist_and_the_focus_survives_scrolling_and_sorting(table: Table) -> None:
    page = table.page
    toggle = page.locator("#overview .toggle")
    page.get_by_role("button", name=symbol_of(4), exact=True).focus()
    scroller = "document.querySelector('#overview .scroll')"
    for top in (300, 5000, 20_000, 1_000_000):
        page.evaluate(f"{scroller}.scrollTop = {top}")
        wait_until(
            lambda: symbol_of(4) in table.symbols and len(table.symbols) > 10, "rows are there"
        )
        assert table.focused() == symbol_of(4)
    assert symbol_of(COUNT - 1) in table.symbols
    table.page.evaluate(
        """() => [...document.querySelectorAll("#overview th[scope=col] button")]
            .find((button) => button.textContent === "Symbol").click()"""
    )
    table.wait_for(lambda: table.symbols[0] == symbol_of(COUNT - 1), "sorted the other way")
    assert table.focused() == symbol_of(4)
    # The next key goes on from the focused row.
    page.keyboard.press("ArrowDown")
    wait_until(lambda: table.focused() == symbol_of(3), "the next row has the focus")
    in_view = page.evaluate(
        f"""() => {{
            const placeOf = (element) => element.getBoundingClientRect()
            const [row, all] = [document.activeElement, {scroller}].map(placeOf)
            return row.top >= all.top && row.bottom <= all.bottom
        }}"""
    )
    assert in_view
    assert toggle.count() < MOST_RENDERED


def test_table_works_by_keyboard(table: Table) -> None:
    page = table.page
    press = page.keyboard.press
    press("/")
    assert page.get_by_label("Find a book").evaluate("(e) => e === document.activeElement")
    press("ArrowDown")
    assert table.focused() == symbol_of(0)
    for key, label in [
        ("ArrowDown", symbol_of(1)),
        ("End", symbol_of(COUNT - 1)),
        ("ArrowDown", symbol_of(COUNT - 1)),
        ("Home", symbol_of(0)),
        ("ArrowLeft", f"Favourite {symbol_of(0)}"),
        ("ArrowDown", f"Favourite {symbol_of(1)}"),
        ("ArrowRight", symbol_of(1)),
        ("ArrowRight", f"Open the book of {symbol_of(1)}"),
        ("ArrowLeft", symbol_of(1)),
    ]:
        press(key)
        assert table.focused() == label, key
    press("f")
    star = page.get_by_role("button", name=f"Favourite {symbol_of(1)}", exact=True)
    assert star.get_attribute("aria-pressed") == "true"
    press("Enter")
    ladder = page.locator(f"section.ladder[data-symbol='{symbol_of(1)}']")
    wait_until(lambda: ladder.count() == 1, "the ladder is open")
    assert table.focused() == symbol_of(1)
    press("PageDown")
    assert table.focused() not in (symbol_of(1), symbol_of(2))
    press("Home")
    press("ArrowUp")
    assert table.focused() == "Symbol"
    press("ArrowRight")
    assert table.focused() == "Venue"
    press("Enter")
    header = page.get_by_role("columnheader", name="Venue", exact=True)
    assert header.get_attribute("aria-sort") == "ascending"
    # Tab stops once in the header and once in the rows.
    press("Tab")
    assert page.evaluate("document.activeElement.closest('tbody') !== null")
    press("Tab")
    assert page.evaluate("document.activeElement.closest('table') === null")
    toggle = page.locator("#overview [data-part='toggle']").nth(2)
    toggle.focus()
    symbol = table.focused()
    press("o")
    wait_until(lambda: page.locator(f".book[data-symbol='{symbol}']").count() == 1, "it is open")
    press("Escape")
    wait_until(lambda: page.locator("#overview").is_visible(), "the table is back")


def test_table_is_accessible(table: Table) -> None:
    page = table.page
    page.get_by_role("button", name=f"Favourite {symbol_of(0)}", exact=True).click()
    table.sort("Best bid")
    page.keyboard.press("?")
    assert "mark the book of the row" in page.locator("#key-help").inner_text()
    page.keyboard.press("?")
    page.get_by_role("columnheader", name="Updates/s").wait_for()
    assert_readable(table.shown)


def test_narrow_table_is_accessible_and_shows_the_columns_that_fit(table: Table) -> None:
    page = table.page
    scroller = page.locator("#overview .scroll")
    fits = "(e) => e.scrollWidth <= e.clientWidth"
    rate = page.get_by_role("columnheader", name="Updates/s")
    for size, has_rate in ((MEDIUM, True), (NARROW, False)):
        page.set_viewport_size(size)
        wait_until(lambda: rate.is_visible() == has_rate, "the columns fit the width")  # noqa: B023
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert scroller.evaluate(fits)
    page.get_by_role("button", name="All columns").click()
    # The symbol stays while the table scrolls sideways.
    scroller.evaluate("(e) => { e.scrollLeft = 300 }")
    left = "(e) => e.getBoundingClientRect().left"
    symbol = page.locator("#overview tbody th").first
    assert symbol.evaluate(left) == scroller.evaluate(left)
    rate.wait_for()
    assert_readable(table.shown)


def test_table_returns_as_it_was_left(table: Table) -> None:
    page = table.page
    page.get_by_label("Find a book").fill("c0")
    table.wait_for(lambda: table.counts == "1,000 of 1,100 books", "the search is done")
    page.evaluate("document.querySelector('#overview .scroll').scrollTop = 3200")
    table.wait_for(lambda: symbol_of(100) in table.symbols, "scrolled")
    page.get_by_role("link", name=f"Open the book of {symbol_of(102)}", exact=True).click()
    page.get_by_role("heading", name=symbol_of(102), exact=True).wait_for()
    assert page.locator("#overview").count() == 0
    # The keys of the table are gone with it.
    page.keyboard.press("?")
    assert "find a book" not in page.locator("#key-help").inner_text()
    page.keyboard.press("?")
    page.go_back()
    table.wait_for(lambda: symbol_of(100) in table.symbols, "the table is where it was")
    assert table.counts == "1,000 of 1,100 books"
    assert page.locator("#overview th[scope=col]").count() == 11
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.dataset.part") == "search"
