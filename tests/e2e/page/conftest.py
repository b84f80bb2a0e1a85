"""A browser, a page and an api that the tests share, and the page as each test sees it.

They are kept for all files that run in one worker. A browser with a page that it loads for the
first time takes 2.2 s of CPU, and a further visit 0.3 s (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from lab.chromium import open_chromium
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

# If an interface of the machine appears or leaves, as with a container, Chromium aborts requests
# (ERR_NETWORK_CHANGED). It has no switch against that, and a page without a module stays empty.
RELOAD_ONCE = """
const [visit] = performance.getEntriesByType("navigation")
addEventListener("error", ({ target }) => {
    // Before the event `load`, for which a test waits.
    if (target instanceof HTMLScriptElement && visit?.type !== "reload") location.reload()
}, true)
"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with open_chromium() as opened:
        yield opened


@pytest.fixture(scope="package")
def page(browser: Browser) -> Page:
    # Each api has its own port, a new origin. Of a context, which may open other pages.
    context = browser.new_context()
    context.add_init_script(RELOAD_ONCE)
    return context.new_page()


@pytest.fixture
def shown(page: Page) -> Iterator[Shown]:
    opened = Shown(page)
    yield opened
    opened.leave()


@pytest.fixture(scope="package")
def shared_scripted() -> Iterator[ScriptedPage]:
    """Start an api that all tests use, because a browser loads its page faster again."""
    with ScriptedPage() as opened:
        yield opened


@pytest.fixture
def scripted(shared_scripted: ScriptedPage) -> ScriptedPage:
    """The shared api, without markets."""
    shared_scripted.reset()
    return shared_scripted
