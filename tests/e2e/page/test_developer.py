"""What developers find on the page, in a real browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page

from kraken_book.access_keys import AccessKey, digest_of, render_key_file
from lab.chromium import find_chromium
from lab.node import find_node
from lab.services import Api, Collector
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.book_page import BookPage, deep_market
from tests.e2e.readable import assert_readable
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")

KEY = "kb_of_this_test"


class Services(NamedTuple):
    """A collector, an api without keys, and one of the same books that needs one."""

    collector: Collector
    opened: Api
    locked: Api


@pytest.fixture(scope="module")
def services(module_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Services:
    redis = module_stage.redis()
    simulator = module_stage.simulator("--rate", "50")
    collector = module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD,ETH/USD")
    collector.wait_until_live(2)
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_bytes(render_key_file([AccessKey("all", digest_of(KEY), "*")]))
    return Services(
        collector,
        module_stage.api(redis.url),
        module_stage.api(redis.url, API_KEYS_FILE=str(keys)),
    )


def commands(page: Page, language: str) -> list[str]:
    """Return the commands that are shown for a language."""
    page.locator(".command-list .segment", has_text=language).click()
    page.locator(f".command pre[aria-label$='{language}']").first.wait_for()
    return page.locator(".command pre").all_text_contents()


def run_command(language: str, text: str, folder: Path, awaited: str) -> str:
    """Run a command as its hint says; return its output up to `awaited`, or all of it."""
    if language == "curl":
        arguments = ["bash", "-c", f"exec {text.replace('curl', 'curl -sS', 1)}"]
    else:
        file = folder / ("program.py" if language == "Python" else "program.mjs")
        file.write_text(text)
        arguments = [sys.executable if language == "Python" else find_node(), str(file)]
    output = folder / "output"
    with (
        output.open("wb") as written,
        subprocess.Popen(
            arguments,
            env={**os.environ, "KEY": KEY},
            stdout=written,
            stderr=subprocess.STDOUT,
        ) as program,
    ):
        try:
            wait_until(
                lambda: awaited in output.read_text() or program.poll() is not None,
                f"{text} prints {awaited}",
            )
        finally:
            # A stream has no end.
            program.kill()
    return output.read_text()


LANGUAGES = ("curl", "Python", "JavaScript")


def assert_runs(language: str, text: str, folder: Path) -> None:
    """Assert that a command prints a book."""
    assert KEY not in text
    output = run_command(language, text, folder, "live" if "depth" in text else "BTC/USD")
    assert "BTC/USD" in output or "live" in output, (text, output)
    assert "rror" not in output, (text, output)


def test_commands_of_the_page_run_as_they_stand(
    services: Services, shown: Shown, tmp_path: Path
) -> None:
    page = shown.page
    page.goto(f"{services.opened.url}/#/BTC/USD")
    page.locator(".book[data-status='live']").wait_for()
    page.locator(".command-list summary").click()
    for language in LANGUAGES:
        assert_runs(language, commands(page, language)[0], tmp_path)
    assert shown.errors == []


def test_commands_of_a_page_with_a_key_take_it_from_the_environment(
    services: Services, shown: Shown, tmp_path: Path
) -> None:
    page = shown.page
    # The page loads again with the key.
    page.goto(f"{services.locked.url}/robots.txt")
    page.evaluate("(key) => sessionStorage.setItem('kraken-book key', key)", KEY)
    for fragment in ("#/BTC/USD", "#btc-usd,eth-usd"):
        page.goto(f"{services.locked.url}/{fragment}")
        page.locator("[data-symbol='BTC/USD'][data-status='live']").last.wait_for()
        page.locator(".command-list summary").click()
        for language in LANGUAGES:
            texts = commands(page, language)
            assert len(texts) >= 2
            for text in texts:
                assert_runs(language, text, tmp_path)
    assert shown.errors == []


def listed_events(page: Page) -> list[dict[str, Any]]:
    """Return the listed raw events, newest first."""
    texts = page.locator(".event-list tbody td:last-child").all_text_contents()
    return [json.loads(each) for each in texts]


def stored_events(api: Api) -> list[dict[str, Any]]:
    """Return the events of BTC/USD that the stream in Redis holds."""
    found, query = [], "?limit=1000"
    while query:
        page = api.get(f"/events/BTC%2FUSD{query}").json()
        found += [each["event"] for each in page["events"]]
        query = page["next"]
    return found


def test_raw_events_are_those_of_the_stream_and_pause(services: Services, shown: Shown) -> None:
    api, page = services.opened, shown.page
    book = BookPage(shown, f"{api.url}/", "BTC/USD")
    book.wait_for(status="live")
    book.press("r")
    wait_until(lambda: len(listed_events(page)) >= 20, "events are listed")
    book.press("x")
    page.locator(".event-list[data-paused]").wait_for()
    events = listed_events(page)
    newest = events[0]["seq"]
    by_seq = {each["seq"]: each for each in stored_events(api)}
    assert [each["seq"] for each in events] == list(range(newest, newest - len(events), -1))
    assert events == [by_seq[each["seq"]] for each in events]
    wait_until(lambda: "0 came since" not in shown.text(".event-list .count"), "others come")
    assert listed_events(page) == events
    page.get_by_role("button", name="Continue").click()
    wait_until(lambda: listed_events(page)[0]["seq"] > newest, "the list goes on")
    assert shown.errors == []


def test_raw_events_are_bounded_and_end_with_the_list(scripted: ScriptedPage, shown: Shown) -> None:
    market = deep_market(scripted, "BTC/USD")
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    book.press("r")

    def send(count: int) -> None:
        for number in range(count):
            market.update(bids=[("100.0", f"{number + 1}.00000000")])

    scripted.do(lambda: send(1000))
    shown.wait_for_text(".event-list .count", "1,000 events since the list was opened")
    page = shown.page
    rows = page.locator(".event-list tbody tr")
    assert rows.count() == 200
    assert listed_events(page)[0]["seq"] == market.seq
    checksum = rows.first.locator("td").nth(2).inner_text()
    assert checksum == str(scripted.do(market.book.checksum))
    book.press("r", "r")
    wait_until(lambda: rows.count() == 0, "the list begins again")
    assert shown.text(".event-list .count").startswith("0 events since")
    assert shown.errors == []


def test_copy_says_copied_or_selects_the_text(scripted: ScriptedPage, shown: Shown) -> None:
    deep_market(scripted, "BTC/USD")
    page = shown.page
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    book.press("d")
    copy, status = page.locator(".command button").first, page.locator(".command [role=status]")
    text = page.locator(".command pre").first.text_content()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy.click()
    wait_until(lambda: status.first.inner_text() == "Copied.", "the copy is told")
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.context.clear_permissions()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    copy.click()
    wait_until(lambda: "Selected" in status.first.inner_text(), "the selection is told")
    assert page.evaluate("getSelection().toString()") == text
    assert shown.errors == []


def test_parts_for_developers_are_accessible(scripted: ScriptedPage, shown: Shown) -> None:
    market = deep_market(scripted, "BTC/USD")
    page = shown.page
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    book.press("d", "r")
    scripted.do(lambda: market.status("syncing", "unreachable"))
    wait_until(lambda: len(listed_events(page)) == 1, "the event is listed")
    assert_readable(shown)
    assert shown.errors == []


def test_status_page_shows_a_stopped_collector(
    services: Services, shown: Shown, tmp_path: Path
) -> None:
    collector, api, page = services.collector, services.opened, shown.page
    page.goto(f"{api.url}/")
    page.get_by_role("link", name="Status of collectors").click()
    shown.wait_for_text(".status-page .summary", "All collectors report, and Redis answers.")
    shown.wait_for_text("[data-venue='kraken'] .books", "Books now: 2 live.")
    shown.wait_for_text("[data-venue='kraken'] tbody", "reporting")
    assert str(collector.process.pid) in shown.text("[data-venue='kraken'] tbody")
    assert_readable(shown)
    page.locator(".command-list summary").click()
    for language in LANGUAGES:
        (text,) = commands(page, language)
        assert "reporting" in run_command(language, text, tmp_path, "reporting")
    collector.kill()
    shown.wait_for_text(".status-page .summary", "Kraken's collector of shard 0/1 is silent")
    shown.wait_for_text("[data-venue='kraken'] tbody", "silent")
    assert api.get("/status").json()["feeds"][0]["collectors"][0]["status"] == "silent"
    assert_readable(shown)
    collector.restart()
    shown.wait_for_text(".status-page .summary", "All collectors report, and Redis answers.")
    # The choice of the language still has the focus. It takes no text, so keys are the page's.
    page.locator(".command-list input:checked").press("Escape")
    page.locator("#home:not([hidden])").wait_for()
    assert shown.errors == []
