"""The view of one book, as its visitors see it, and markets for it."""

from __future__ import annotations

from decimal import Decimal

from lab.scripted_api import ScriptedMarket
from lab.waiting import wait_until
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

Levels = list[list[str]]


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
