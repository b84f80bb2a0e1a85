"""The page in a real browser verifies every book and shows its state."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lab.balancer import Balancer, is_ready
from lab.chromium import find_chromium
from lab.ports import free_port
from lab.services import Api
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.shown import Shown

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")


def assert_shows_the_books(shown: Shown, api: Api) -> None:
    """Assert that ladders and table show the books of the api; the markets must rest."""
    for symbol in SYMBOLS:
        shown.wait_until_it_shows(api, symbol)
        data = shown.wait_for(symbol, status="live")
        assert data["mismatches"] == "0"
        assert data["source"] == "simulated"
    for book in api.get("/books").json():
        row = shown.row(book["symbol"])
        expected = book["best_bid"]["price"], book["best_ask"]["price"], book["spread"]
        assert (row["bid"], row["ask"], row["spread"]) == expected


def test_page_shows_verified_books_and_recovers_after_restart(stage: Stage, shown: Shown) -> None:
    redis = stage.redis()
    port = free_port()
    markets = ("--symbols", ",".join(SYMBOLS))
    simulator = stage.simulator(*markets, port=port)
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)
    collector.wait_until_live(len(SYMBOLS))
    shown.page.goto(api.url + "/")
    first = {symbol: shown.wait_for(symbol, status="live") for symbol in SYMBOLS}
    for symbol, before in first.items():
        data = shown.wait_for_seq(symbol, int(before["seq"]) + 5)
        assert int(data["verified"]) > int(before["verified"])
        assert data["mismatches"] == "0"
    assert shown.page.evaluate("document.documentElement.dataset.source") == "simulated"
    assert shown.page.get_by_text("SIMULATED", exact=False).first.is_visible()

    # Other markets, which rest soon after the feed is back.
    simulator.kill()
    still = stage.simulator(*markets, "--updates", "20", "--seed", "2", port=port)
    still.wait_for_line("markets stopped")
    collector.wait_until_live(len(SYMBOLS))
    assert_shows_the_books(shown, api)

    api.kill()
    for symbol in SYMBOLS:
        shown.wait_until_doubted(symbol)
    api.restart()
    for symbol in SYMBOLS:
        shown.wait_for(symbol, status="live")
    assert_shows_the_books(shown, api)
    assert shown.errors == []


def test_page_does_not_show_books_of_dead_collector_as_live(stage: Stage, shown: Shown) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", "BTC/USD")
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD", COLLECTOR_LEASE="1"
    )
    api = stage.api(redis.url, API_MAX_AGE="2")
    api.wait_until_live("BTC/USD")
    shown.page.goto(api.url + "/")
    shown.wait_for("BTC/USD", status="live")
    collector.kill()
    stale = shown.wait_for("BTC/USD", status="stale")
    collector.restart()
    shown.wait_for("BTC/USD", status="live")
    data = shown.wait_for_seq("BTC/USD", int(stale["seq"]) + 5)
    assert data["mismatches"] == "0"
    assert shown.errors == []


FIVE = ("ADA/USD", "BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD")


@pytest.fixture(scope="module")
def five_books(module_stage: Stage) -> Api:
    """Start an api with five moving books."""
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", ",".join(FIVE), "--rate", "40")
    module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(FIVE))
    # The path counts only behind a proxy that does not remove it.
    api = module_stage.api(redis.url, API_ROOT_PATH="/kraken")
    api.wait_until_live(*FIVE)
    return api


def test_opening_ladders_disturbs_no_other(five_books: Api, shown: Shown) -> None:
    shown.page.goto(f"{five_books.url}/#BTC/USD")
    shown.wait_for("BTC/USD", status="live")
    shown.page.evaluate(
        """() => {
            window.seen = []
            const ladder = document.querySelector("section.ladder")
            const see = () => seen.push([ladder.dataset.status, Number(ladder.dataset.seq)])
            new MutationObserver(see).observe(ladder, { attributes: true })
        }"""
    )
    for symbol in ("ADA/USD", "ETH/USD", "SOL/USD", "XRP/USD"):
        shown.page.get_by_role("button", name=symbol, exact=True).click()
        shown.wait_for(symbol, status="live")
    shown.wait_for_seq("BTC/USD", int(shown.ladder("BTC/USD")["seq"]) + 5)
    seen: list[tuple[str, int]] = shown.page.evaluate("window.seen")
    assert {status for status, _ in seen} == {"live"}
    seqs = [seq for _, seq in seen]
    assert seqs == sorted(seqs)
    assert shown.ladder("BTC/USD")["mismatches"] == "0"
    # The table shows the same book as the ladder.
    same = """() => {
        const best = (root, part) => root.querySelector(`[data-part="${part}"]`).textContent
        const row = document.querySelector("tr[data-symbol='BTC/USD']")
        const ladder = document.querySelector("section.ladder[data-symbol='BTC/USD']")
        const pairs = [["bid", "best-bid"], ["ask", "best-ask"], ["age", "age"]]
        return pairs.every(([ours, theirs]) => best(row, ours) === best(ladder, theirs))
    }"""
    assert all(shown.page.evaluate(same) for _ in range(20))


@contextmanager
def nginx_before(api: Api, folder: Path) -> Iterator[str]:
    """Return the URL of an nginx that serves an api behind the path of docs/page.md."""
    port = free_port()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}"
        f" http {{ access_log off; {paths} server {{ listen 127.0.0.1:{port};"
        f" location /kraken/ {{ proxy_pass http://127.0.0.1:{api.port}/; proxy_http_version 1.1;"
        f" proxy_read_timeout 1h; }} }} }}"
    )
    nginx = subprocess.Popen(["nginx", "-e", f"{folder}/error.log", "-c", str(config)])
    try:
        wait_until(lambda: is_ready(port, "/kraken/readyz"), "nginx serves")
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait()


@contextmanager
def balancer_before(api: Api, _folder: Path, *, keeps_prefix: bool = False) -> Iterator[str]:
    with Balancer([api], prefix="/kraken", keeps_prefix=keeps_prefix) as balancer:
        wait_until(lambda: balancer.ready, "the replica is ready")
        yield balancer.url


@pytest.mark.parametrize(
    ("proxy", "path"),
    [
        (balancer_before, "/kraken/"),
        (partial(balancer_before, keeps_prefix=True), "/kraken/"),
        pytest.param(
            nginx_before,
            "/kraken",
            marks=pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx on the PATH"),
        ),
    ],
)
def test_page_works_behind_path_prefix(
    five_books: Api,
    shown: Shown,
    tmp_path: Path,
    proxy: Callable[[Api, Path], AbstractContextManager[str]],
    path: str,
) -> None:
    with proxy(five_books, tmp_path) as url:
        asked: list[str] = []
        shown.page.on("request", lambda request: asked.append(request.url))
        shown.page.goto(f"{url}{path}#btc-usd")
        shown.wait_for("BTC/USD", status="live")
        commands = shown.page.locator(".command-list pre")
        assert commands.first.text_content() == f"curl {url}/kraken/books"
        assert asked
        assert all(each.startswith(f"{url}/kraken") for each in asked), asked
        assert shown.text("#outage") == ""
        assert shown.errors == []


TEN_LINES = """
window.events = []
const books = new EventSource("/stream/BTC%2FUSD")
books.onmessage = ({data}) => window.events.push(JSON.parse(data))
"""


def test_event_source_loses_nothing_when_api_is_killed(stage: Stage, browser: Browser) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "300")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)
    collector.wait_until_live(len(SYMBOLS))
    api.wait_until_live(*SYMBOLS)
    # Not the page, which would read books itself. This document's policy permits nothing.
    page = browser.new_page(bypass_csp=True)
    stage.undo(page.close)
    page.goto(f"{api.url}/robots.txt")
    page.evaluate(f"() => {{ {TEN_LINES} }}")

    def seqs() -> list[int]:
        found: list[int] = page.evaluate("window.events.map((e) => e.seq).filter((seq) => seq)")
        return found

    def has_more_than(count: int) -> bool:
        return len(seqs()) > count

    wait_until(partial(has_more_than, 50), "events come")
    for _ in range(2):
        api.kill()
        before = len(seqs())
        api.restart()
        wait_until(partial(has_more_than, before + 50), "events come again")
    found = seqs()
    assert found == list(range(found[0], found[0] + len(found)))
    kinds = page.evaluate("window.events.map((e) => e.kind)")
    assert kinds.count("snapshot") == 1
    assert "lagged" not in kinds
