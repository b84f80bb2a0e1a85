"""A browser and a page for each module, and the page as each test sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from lab.chromium import open_chromium
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    # A new page takes 1.2 s more of CPU than a visit. Each api has its own port, a new origin.
    # Of a context, which may open others.
    return browser.new_context().new_page()


@pytest.fixture
def shown(page: Page) -> Iterator[Shown]:
    opened = Shown(page)
    yield opened
    opened.leave()


@pytest.fixture(scope="module")
def module_scripted() -> Iterator[ScriptedPage]:
    """An api that the tests of a module share, because a browser loads its page faster again."""
    with ScriptedPage() as opened:
        yield opened


@pytest.fixture
def scripted(module_scripted: ScriptedPage) -> ScriptedPage:
    """The module's api, without markets."""
    module_scripted.reset()
    return module_scripted
