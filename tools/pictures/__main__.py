"""`make pictures`: take the pictures in docs/pictures again, each in a dark and a light theme.

The pictures show real services with simulated markets, labelled as simulated. The charts show the
last minutes, so the services run for some minutes first.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page

from kraken_book.terminal.palette import Theme
from lab.chromium import find_chromium, open_chromium
from lab.ports import free_port
from lab.process import ROOT
from lab.stage import Stage
from lab.waiting import wait_until
from tools.console import options_parser
from tools.pictures.terminal import terminal_html

THEMES: tuple[Theme, Theme] = ("dark", "light")
PICTURES = ROOT / "docs" / "pictures"
SYMBOLS = "BTC/USD,ETH/USD,SOL/USD,XRP/USD,ADA/USD,DOT/USD,LTC/USD,LINK/USD"
SHOWN = "BTC/USD"
USUAL_PORT = 3000
# The heatmap and the lines of the mid show what has happened in this time.
PAST_SECONDS = 60.0
# Then each view shows typical changes, and some samples of the mid.
SAMPLES_SECONDS = 20.0
TERMINALS = {"terminal": (120, 32), "terminal-80x24": (80, 24)}

DESCRIPTION = "Take the pictures of the page and the terminal in docs/pictures again."
EXIT_CODES = {
    0: "the pictures are written",
    1: "a picture could not be taken; a traceback shows why",
    2: "an argument is invalid, or there is no chromium on the PATH",
}


class View(NamedTuple):
    """A view of the page, and the elements that it has when it shows its books."""

    name: str
    address: str
    elements: str
    number: int


class Window(NamedTuple):
    """A window of a browser, in pixels of the style sheets."""

    name: str
    width: int
    height: int
    sharpness: int
    """Pixels of the picture for one of the style sheets."""


VIEWS = (
    View("page", "/", "section.ladder[data-verified]", 4),
    View("book", f"/#/{SHOWN}", ".book[data-status='live']", 1),
)
WINDOWS = (Window("wide", 1440, 900, 1), Window("phone", 390, 844, 2))


def main() -> int:
    """Take all pictures; return the exit code."""
    options_parser("pictures", DESCRIPTION, EXIT_CODES).parse_args()
    if find_chromium() is None:
        sys.stderr.write("make pictures: no chromium or chrome on the PATH: install one of them\n")
        return 2
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        url = _start_services(stage)
        # The terminal's runs end before the browser's loop begins.
        terminals = {
            f"{name}-{theme}.png": terminal_html(url, *size, theme)
            for (name, size), theme in product(TERMINALS.items(), THEMES)
        }
        with open_chromium() as browser:
            for name, html in terminals.items():
                _take_terminal(browser, html, PICTURES / name)
            for view, window, theme in product(VIEWS, WINDOWS, THEMES):
                with _open(browser, url, view, window, theme) as page:
                    _take(page, PICTURES / f"{view.name}-{window.name}-{theme}.png")
    return 0


def _start_services(stage: Stage) -> str:
    """Start all services, wait for live books with a past; return the address of the api."""
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOLS)
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOLS)
    port = _port()
    api = stage.api(redis.url, API_PORT=str(port))
    api.wait_until_live(*SYMBOLS.split(","))
    sys.stdout.write(f"the services run for {PAST_SECONDS:.0f} s first\n")
    time.sleep(PAST_SECONDS)
    return f"http://localhost:{port}"


def _port() -> int:
    """Return the port in the README if it is free, else another one."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return free_port()
    return USUAL_PORT


@contextmanager
def _open(browser: Browser, url: str, view: View, window: Window, theme: Theme) -> Iterator[Page]:
    """Yield a page that shows a view with changes, and samples of the mid."""
    page = browser.new_page(
        viewport={"width": window.width, "height": window.height},
        device_scale_factor=window.sharpness,
        color_scheme=theme,
        reduced_motion="reduce",
    )
    page.goto(f"{url}{view.address}")
    found = page.locator(view.elements)
    wait_until(lambda: found.count() == view.number, f"{view.name} shows its books")
    page.wait_for_timeout(SAMPLES_SECONDS * 1000)
    yield page
    page.close()


def _take(page: Page, file: Path) -> None:
    page.screenshot(path=file)
    _print_path(file)


def _take_terminal(browser: Browser, html: str, file: Path) -> None:
    page = browser.new_page()
    page.set_content(html)
    page.locator("pre").screenshot(path=file)
    page.close()
    _print_path(file)


def _print_path(file: Path) -> None:
    sys.stdout.write(f"{file.relative_to(ROOT)}\n")


if __name__ == "__main__":
    sys.exit(main())
