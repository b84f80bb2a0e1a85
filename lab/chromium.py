"""The browser of this machine, for tests of the page and for pictures; none is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)


def find_chromium() -> str | None:
    """Return the path of the browser, or None if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Start a browser, and close it when the context ends.

    Yields:
        The running browser.

    """
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        yield opened
        opened.close()
