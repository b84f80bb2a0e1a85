"""The page /docs in a real browser, as itself and below a path of a proxy."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from playwright.sync_api import Page, Request, Route

from lab.chromium import find_chromium
from lab.services import Api
from lab.stage import Stage
from lab.waiting import wait_until
from lab.written_books import snapshot
from runtime.redis.client import connect_redis
from tests.api.replica import EPOCH, Written
from tests.e2e.shown import Shown

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")

DEPTH = "#operations-books-getDepth"


@pytest.fixture(scope="module")
def api(module_stage: Stage) -> Api:
    """An api with one book, which is not stale within an hour."""
    redis = module_stage.redis()

    async def write() -> None:
        written = Written(connect_redis(redis.url))
        await written.symbol("BTC/USD")
        await written.book(EPOCH, snapshot(1))
        await written.redis.aclose()

    # The browser has an event loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, write()).result()
    return module_stage.api(redis.url, API_MAX_AGE="3600")


def try_depth(page: Page) -> str:
    """Try /depth out with the example values, and return the answer that is shown."""
    page.locator(f"{DEPTH} .opblock-summary").first.click()
    page.locator(f"{DEPTH} .try-out__btn").click()
    page.locator(f"{DEPTH} .execute").click()
    answer = page.locator(f"{DEPTH} .live-responses-table .response").first
    wait_until(lambda: '"event_id"' in answer.inner_text(), "the answer is shown")
    return answer.inner_text()


def assert_readable(page: Page, theme: Literal["light", "dark"]) -> None:
    """The dark theme inverts everything, so the colours before that are those of the light one."""
    page.emulate_media(color_scheme=theme)
    style = "(e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    colours = page.locator(f"{DEPTH} input").first.evaluate(style)
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    inverts = page.evaluate("getComputedStyle(document.querySelector('#docs')).filter !== 'none'")
    behind = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (inverts, behind == "rgb(20, 23, 26)") == (theme == "dark", theme == "dark")


def test_docs_below_a_path_tries_a_route_out_and_is_readable_in_both_themes(
    api: Api, shown: Shown
) -> None:
    asked: list[str] = []

    def as_proxy(route: Route, request: Request) -> None:
        asked.append(request.url)
        route.continue_(url=request.url.replace("/some/path/", "/"))

    shown.page.route(f"{api.url}/some/path/**", as_proxy)
    shown.page.goto(f"{api.url}/some/path/docs")
    shown.page.wait_for_selector(DEPTH)
    routes = shown.page.locator(".opblock-summary-path").all_inner_texts()
    listed = {path.replace("\u200b", "") for path in routes}
    assert {"/depth/{symbol}", "/quote/{symbol}", "/best/{pair}", "/stream", "/symbols"} <= listed
    text = try_depth(shown.page)
    assert '"symbol": "BTC/USD"' in text
    assert "x-book-source: simulated" in text
    assert f"{api.url}/some/path/depth/BTC%2FUSD?levels=5" in asked
    assert shown.errors == [], "such as a violation of the policy"
