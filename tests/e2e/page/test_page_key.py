"""The page at an api that needs keys."""

from __future__ import annotations

import pytest

from kraken_book.access_keys import AccessKey, digest_of, render_key_file
from lab.chromium import find_chromium
from lab.services import Api
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.shown import Shown

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")

KEY = "kb_of_this_test"


@pytest.fixture(scope="module")
def locked(module_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """An api of two books with a key for one of them."""
    redis = module_stage.redis()
    simulator = module_stage.simulator("--rate", "50")
    collector = module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD,ETH/USD")
    collector.wait_until_live(2)
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_bytes(render_key_file([AccessKey("btc", digest_of(KEY), "BTC/*")]))
    return module_stage.api(redis.url, API_KEYS_FILE=str(keys))


def test_page_asks_for_a_key_and_shows_what_it_may_see(locked: Api, shown: Shown) -> None:
    page = shown.page
    page.goto(locked.url)
    page.wait_for_selector("#key-form:not([hidden])")
    assert shown.text("#key-why") == "This api needs a key."
    page.fill("#key-form input", "kb_wrong")
    page.click("#key-form button")
    wait_until(lambda: "not accepted" in shown.text("#key-why"), "the page says why")
    page.fill("#key-form input", KEY)
    page.click("#key-form button")
    shown.wait_for("BTC/USD", status="live")
    assert page.is_hidden("#key-form")
    assert "ETH/USD" not in shown.text("#overview")
    assert KEY not in page.url
    assert KEY not in page.content()
    assert shown.errors == []
