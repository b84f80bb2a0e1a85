"""Pages of another origin: the documentation's browser examples, with a key and without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from kraken_book.access_keys import AccessKey, digest_of, render_key_file
from lab.canned_api import CannedApi, answer
from lab.chromium import find_chromium
from lab.services import Api
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.doc_examples import EVENT_SOURCE, MODULE, SHOWN, TICKETS

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")

KEY = "kb_of_this_test"
PAGE = answer(200, b"<!doctype html><link rel=icon href=data:,>", "content-type: text/html")
VISITS = 20
# Returns the error of an import, or of reading the status of an answer.
IMPORT = "(url) => import(`${url}/kraken-book.js`).then(() => null, (error) => error.name)"
STATUS = """([url, key]) => fetch(`${url}/symbols`, { headers: { Authorization: `Bearer ${key}` } })
  .then(async (answer) => [answer.status, (await answer.json()).type,
                           answer.headers.get("Retry-After") !== null], (error) => error.name)"""


@dataclass
class Origins:
    """The site of the pages, and apis: open, with keys, with keys and limits, without CORS."""

    site: str
    opened: Api
    locked: Api
    limiting: Api
    foreign: Api


@pytest.fixture(scope="module")
def origins(module_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origins]:
    redis = module_stage.redis()
    simulator = module_stage.simulator("--rate", "50")
    collector = module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    collector.wait_until_live(1)
    keys: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_bytes(render_key_file([AccessKey("test", digest_of(KEY))]))
    with CannedApi(*[PAGE] * VISITS) as site:
        yield Origins(
            site.url,
            module_stage.api(redis.url, API_CORS_ORIGINS=site.url),
            module_stage.api(
                redis.url,
                API_CORS_ORIGINS=site.url,
                API_KEYS_FILE=str(keys),
            ),
            module_stage.api(
                redis.url,
                module="lab.patient_api",
                API_CORS_ORIGINS=site.url,
                API_KEYS_FILE=str(keys),
                API_LIMIT_DENIALS="2",
            ),
            module_stage.api(redis.url),
        )


@pytest.mark.parametrize(
    ("example", "needs_key"), [(MODULE, False), (EVENT_SOURCE, False), (TICKETS, True)]
)
def test_example_of_the_documentation_runs_in_a_page_of_another_origin(
    browser: Browser, origins: Origins, example: str, *, needs_key: bool
) -> None:
    api = origins.locked if needs_key else origins.opened
    with browser.new_page() as page:
        lines: list[str] = []
        page.on("console", lambda message: lines.append(message.text))
        page.goto(origins.site)
        page.evaluate("(key) => { sessionStorage.key = key }", KEY)
        page.add_script_tag(
            content=example.replace("http://localhost:3000", api.url), type="module"
        )
        wait_until(
            lambda: "update" in lines or bool(SHOWN.fullmatch(page.title())), "it shows books"
        )


def test_page_of_an_unknown_origin_can_neither_import_nor_read(
    browser: Browser, origins: Origins
) -> None:
    with browser.new_page() as page:
        page.goto(origins.site)
        assert page.evaluate(IMPORT, origins.opened.url) is None
        assert page.evaluate(IMPORT, origins.foreign.url) == "TypeError"
        assert page.evaluate(STATUS, [origins.foreign.url, KEY]) == "TypeError"


def test_page_of_another_origin_can_read_why_it_is_refused(
    browser: Browser, origins: Origins
) -> None:
    with browser.new_page() as page:
        page.goto(origins.site)
        found = [page.evaluate(STATUS, [origins.limiting.url, "kb_wrong"]) for _ in range(3)]
    denied = [401, "urn:kraken-book:key-unknown", False]
    assert found == [denied, denied, [429, "urn:kraken-book:too-many-denials", True]]
