"""`make pictures`: take docs/page.png, docs/terminal.png and docs/terminal-80x24.png again.

The pictures show real services with simulated markets, labelled as simulated.
"""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from lab.chromium import find_chromium, open_chromium
from lab.ports import free_port
from lab.process import ROOT
from lab.stage import Stage
from tools.console import options_parser
from tools.pictures.terminal import VERIFIED, terminal_html

DOCS = ROOT / "docs"
SYMBOLS = "BTC/USD,ETH/USD,SOL/USD"
USUAL_PORT = 3000
PAGE_SIZE = (1280, 1000)
TERMINALS = {"terminal.png": (120, 32), "terminal-80x24.png": (80, 24)}

DESCRIPTION = "Take the pictures of the page and the terminal in docs/ again."
EXIT_CODES = {
    0: "the pictures are written",
    1: "a picture could not be taken; a traceback shows why",
    2: "an argument is invalid, or there is no chromium on the PATH",
}


def main() -> int:
    """Take all pictures; return the exit code."""
    options_parser("pictures", DESCRIPTION, EXIT_CODES).parse_args()
    if find_chromium() is None:
        sys.stderr.write("make pictures: no chromium or chrome on the PATH: install one of them\n")
        return 2
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        url = _start_services(stage)
        terminals = {name: terminal_html(url, *size) for name, size in TERMINALS.items()}
        with open_chromium() as browser:
            _take_page(browser, url, DOCS / "page.png")
            for name, html in terminals.items():
                _take_terminal(browser, html, DOCS / name)
    return 0


def _start_services(stage: Stage) -> str:
    """Start all services, and wait until the books are live; return the address of the api."""
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOLS)
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOLS)
    port = _port()
    api = stage.api(redis.url, API_PORT=str(port))
    api.wait_until_live(*SYMBOLS.split(","))
    return f"http://localhost:{port}"


def _port() -> int:
    """Return the port in the README if it is free, else another one."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return free_port()
    return USUAL_PORT


def _take_page(browser: Browser, url: str, file: Path) -> None:
    width, height = PAGE_SIZE
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="light", reduced_motion="reduce"
    )
    page.goto(url)
    page.wait_for_function(
        """(least) => {
            const ladders = [...document.querySelectorAll("section.ladder")];
            return ladders.length === 3 && ladders.every((l) => l.dataset.verified >= least);
        }""",
        arg=VERIFIED,
    )
    page.screenshot(path=file)
    page.close()
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
