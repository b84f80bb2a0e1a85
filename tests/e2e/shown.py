"""An open page in a real browser, and its contents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Page

from lab.services import Api
from lab.waiting import wait_for, wait_until


@dataclass
class Shown:
    """An open page, and the errors in its console."""

    page: Page
    errors: list[str] = field(default_factory=list)
    """The errors, except those of the network."""

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)

    def leave(self) -> None:
        """Leave the api's page, for another test that uses the same browser page."""
        self.page.remove_listener("console", self._on_console)
        self.page.remove_listener("pageerror", self._on_error)
        self.page.unroute_all()
        self.page.emulate_media(color_scheme="null", reduced_motion="null")
        # What the page keeps belongs to the origin, which other tests may share.
        if self.page.url.startswith("http"):
            self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear() }")
        self.page.goto("about:blank")

    def _on_error(self, error: Error) -> None:
        self.errors.append(str(error))

    def _on_console(self, message: ConsoleMessage) -> None:
        # A request fails while the api restarts; that is no fault of the page.
        network = "net::ERR" in message.text or "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not network:
            self.errors.append(message.text)

    def ladder(self, symbol: str) -> dict[str, str]:
        """Return the data of a symbol's section; empty if there is none."""
        found: dict[str, str] = self.page.evaluate(
            "(s) => ({...document.querySelector(`section.ladder[data-symbol='${s}']`)?.dataset})",
            symbol,
        )
        return found

    def wait_for(self, symbol: str, **facts: str) -> dict[str, str]:
        """Return the data of a ladder when they include `facts`."""

        def shows() -> dict[str, str] | None:
            data = self.ladder(symbol)
            return data if facts.items() <= data.items() else None

        return wait_for(shows, f"the ladder of {symbol} shows {facts}; {self.ladder(symbol)}")

    def text(self, selector: str) -> str:
        """Return the text of the first element that `selector` finds."""
        return self.page.locator(selector).first.inner_text()

    def wait_for_text(self, selector: str, text: str) -> None:
        """Return when an element contains `text`."""
        wait_until(
            lambda: text in self.text(selector),
            f"{selector} contains {text!r}; it contains {self.text(selector)!r}",
        )

    def row(self, symbol: str) -> dict[str, str]:
        """Return a symbol's row: its status, best prices, and why it is not live."""
        found: dict[str, str] = self.page.evaluate(
            """(symbol) => {
                const rows = [...document.querySelectorAll("#overview tbody tr")]
                const row = rows.find((row) => row.dataset.symbol === symbol)
                const parts = [...(row?.querySelectorAll("[data-part]") ?? [])]
                const texts = parts.map((part) => [part.dataset.part, part.textContent])
                return { title: row?.title, ...Object.fromEntries(texts) }
            }""",
            symbol,
        )
        return found

    def symbols(self) -> list[str]:
        """Return the symbols of the open ladders, in their order."""
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('section.ladder')].map((l) => l.dataset.symbol)"
        )
        return found

    def wait_until_doubted(self, symbol: str) -> None:
        """Return when a ladder stops showing its book as live."""
        wait_until(lambda: self.ladder(symbol)["status"] != "live", f"{symbol} is doubted")

    def wait_for_seq(self, symbol: str, seq: int) -> dict[str, str]:
        """Return the data of a ladder when it shows this seq or a later one."""

        def there() -> dict[str, str] | None:
            data = self.ladder(symbol)
            return data if int(data.get("seq") or 0) >= seq else None

        return wait_for(there, f"the ladder of {symbol} reaches seq {seq}")

    def wait_until_it_shows(self, api: Api, symbol: str) -> None:
        """Return when a ladder shows the book that /depth returns."""

        def shows() -> bool:
            depth: dict[str, Any] = api.get(f"/depth/{symbol}").json()
            expected = [str(depth["seq"]), depth["bids"], depth["asks"]]
            rows = [self.rows(symbol, "bid"), self.rows(symbol, "ask")]
            return [self.ladder(symbol).get("seq"), *rows] == expected

        wait_until(shows, f"the page shows the book of {symbol}")

    def rows(self, symbol: str, side: str) -> list[list[str]]:
        """Return the shown levels of a side, best first."""
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
