"""The api's answers to correct and to mistaken requests."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kraken_book import (
    Client,
    Refused,
    UnknownSymbol,
    WrongPath,
    get_book,
    get_events,
    get_symbols,
    watch,
)
from lab.ladder import Ladder
from lab.services import Api, Collector
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.stored_books import StoredBooks, wait_until_still
from lab.waiting import wait_until

BTC = "BTC/USD"
SYMBOLS = (BTC, "ETH/USD", "MINA/GBP")
UPDATES = 400


@dataclass
class Scene:
    """Resting books, each with some history."""

    collector: Collector
    api: Api
    streams: StoredBooks


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Iterator[Scene]:
    redis = module_stage.redis()
    simulator = module_stage.simulator(
        *("--symbols", ",".join(SYMBOLS)),
        *("--rate", "2000", "--updates", str(UPDATES), "--control", "0"),
    )
    collector = module_stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=",".join((*SYMBOLS, "NOPE/USD"))
    )
    api = module_stage.api(redis.url)
    streams = StoredBooks(redis.url)
    wait_until_still(simulator, collector, streams, *SYMBOLS)
    api.wait_until_live(*SYMBOLS)
    yield Scene(collector, api, streams)
    streams.close()


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Return the problem (RFC 9457) of an answer."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
    assert problem["status"] == status
    assert problem["instance"] == answer.request.url.raw_path.decode().partition("?")[0]
    return problem


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_seed_curl_commands_work_unchanged(scene: Scene) -> None:
    def curl(path: str) -> str:
        command = ["curl", "--silent", "--show-error", "--fail", scene.api.url + path]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=30
        ).stdout

    assert json.loads(curl("/symbols")) == sorted(SYMBOLS)
    book = json.loads(curl("/depth/BTC%2FUSD"))
    assert (book["symbol"], book["status"]) == ("BTC/USD", "live")
    with subprocess.Popen(
        ["curl", "--silent", "-N", f"{scene.api.url}/stream/BTC%2FUSD"],
        stdout=subprocess.PIPE,
        text=True,
    ) as streaming:
        assert streaming.stdout is not None
        try:
            lines = iter(streaming.stdout.readline, "")
            data = next(line for line in lines if line.startswith("data: "))
        finally:
            streaming.kill()
    event = json.loads(data.removeprefix("data: "))
    assert (event["symbol"], event["kind"]) == ("BTC/USD", "snapshot")
    assert event["best_bid"] == book["best_bid"]
    assert event["best_ask"] == book["best_ask"]
    assert event["spread"] == book["spread"]


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_depth_returns_book_of_stream(scene: Scene, symbol: str) -> None:
    book = scene.api.get(f"/depth/{symbol}").json()
    ladder = scene.streams.ladder(symbol)
    assert (book["bids"], book["asks"]) == (ladder.bids, ladder.asks)
    assert book["checksum"] == ladder.checksum
    assert book["event_id"].endswith(f"-{book['seq']}")
    assert book["source"] == "simulated"
    assert book["depth"] == 10
    assert 0 <= book["age_ms"] <= 10_000
    stored = scene.streams.book(symbol)
    for name in ("price_precision", "qty_precision", "epoch", "seq", "checksum"):
        assert str(book[name]) == stored[name]
    assert json.loads(stored["bids"]) == book["bids"]
    best = book["best_bid"] or {"price": "", "qty": ""}
    assert [best["price"], best["qty"]] == [stored["best_bid"], stored["best_bid_qty"]]


@pytest.mark.parametrize("name", ["BTC/USD", "btc-usd", "BTC%2FUSD", "xbt-usd", "XBT%2fusd"])
def test_every_spelling_of_symbol_is_understood(scene: Scene, name: str) -> None:
    assert scene.api.get(f"/depth/{name}").json()["symbol"] == "BTC/USD"


def test_levels_parameter_cuts_book(scene: Scene) -> None:
    whole = scene.api.get("/depth/BTC%2FUSD").json()
    cut = scene.api.get("/depth/BTC%2FUSD", params={"levels": 3}).json()
    assert (cut["bids"], cut["asks"]) == (whole["bids"][:3], whole["asks"][:3])
    assert (
        scene.api.get("/depth/BTC%2FUSD", params={"levels": 5000}).json()["bids"] == whole["bids"]
    )


@pytest.mark.parametrize("levels", ["0", "-1", "ten", "1.5", "", "\u0663"])
def test_malformed_levels_get_400_with_parameter_name(scene: Scene, levels: str) -> None:
    problem = assert_problem(scene.api.get("/depth/BTC%2FUSD", params={"levels": levels}), 400)
    assert problem["parameter"] == "levels"


@pytest.mark.parametrize("route", ["depth", "stream"])
def test_unknown_symbol_gets_404_with_nearest_known_ones(scene: Scene, route: str) -> None:
    problem = assert_problem(scene.api.get(f"/{route}/BTC%2FUSB"), 404)
    assert problem["symbols"][0] == "BTC/USD"
    assert "BTC/USD" in problem["detail"]
    assert assert_problem(scene.api.get(f"/{route}/qqqqqqqqqq"), 404)["symbols"] == []


def test_books_lists_each_configured_book(scene: Scene) -> None:
    books = {book["symbol"]: book for book in scene.api.get("/books").json()}
    assert list(books) == sorted((*SYMBOLS, "NOPE/USD"))
    assert books["NOPE/USD"]["status"] == "refused"
    for symbol in SYMBOLS:
        depth = scene.api.get(f"/depth/{symbol}").json()
        for name in ("symbol", "status", "source", "best_bid", "best_ask", "spread", "seq"):
            assert books[symbol][name] == depth[name]
        assert books[symbol]["reason"] is None


def test_matching_etag_gets_304_with_age(scene: Scene) -> None:
    first = scene.api.get("/depth/BTC%2FUSD")
    tag = first.headers["etag"]
    assert tag == f'W/"{first.json()["event_id"]}"'
    assert int(first.headers["x-book-age-ms"]) == first.json()["age_ms"]
    for given in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        again = scene.api.get("/depth/BTC%2FUSD", headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert int(again.headers["x-book-age-ms"]) >= 0
    other = scene.api.get("/depth/BTC%2FUSD", headers={"If-None-Match": 'W/"1-1"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/symbols", "/books", "/depth/BTC%2FUSD", "/stream/BTC%2FUSD", "/healthz"]
)
def test_head_answers_like_get_without_body(scene: Scene, path: str) -> None:
    answer = scene.api.http.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"]


@pytest.mark.parametrize("path", ["/symbols", "/depth/BTC%2FUSD", "/stream/BTC%2FUSD"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_other_method_gets_405_with_allowed_ones(scene: Scene, path: str, method: str) -> None:
    answer = scene.api.http.request(method, path)
    assert "GET" in assert_problem(answer, 405)["detail"]
    assert "GET" in answer.headers["allow"]


def test_unknown_path_gets_404_problem(scene: Scene) -> None:
    assert_problem(scene.api.get("/nothing/here"), 404)


def test_page_is_served_with_strict_content_policy(scene: Scene) -> None:
    page = scene.api.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text


def test_answer_has_request_id_of_client_or_fresh_one(scene: Scene) -> None:
    given = "e2e-test/1"
    answer = scene.api.get("/symbols", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given
    scene.api.wait_for_line("request", request_id=given, path="/symbols", status=200)
    ids = {scene.api.get("/nothing").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    evil = scene.api.get("/symbols", headers={"X-Request-ID": 'a" evil'})
    assert evil.headers["x-request-id"] != 'a" evil'


def test_both_services_are_alive_and_ready_and_have_metrics(scene: Scene) -> None:
    assert scene.api.get("/healthz").json()["status"] == "ok"
    assert scene.api.answers("/readyz").json()["status"] == "ready"
    # On a busy machine, a connection may have lagged and recovered.
    symbols = {"live": 3, "refused": 1}
    wait_until(
        lambda: scene.collector.get("/healthz").json()["symbols"] == symbols, "all books are live"
    )
    for service in (scene.api, scene.collector):
        families = list(text_string_to_metric_families(service.get("/metrics").text))
        assert any(family.name.startswith("kraken_book_") for family in families)
    wait_until(
        lambda: scene.collector.metric("kraken_book_symbols", status="live") == 3,
        "3 books are live",
    )
    wait_until(lambda: scene.collector.metric("kraken_book_leading") == 1, "the collector leads")
    # While the markets rest, the follower of streams may not have noticed Redis yet.
    wait_until(lambda: scene.api.metric("kraken_book_redis_up") == 1, "the api reads streams")


def test_stream_has_headers_for_proxies_and_browsers(scene: Scene) -> None:
    with SseStream(scene.api.url, "/stream/eth-usd") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-cache"
        assert stream.headers["x-accel-buffering"] == "no"
        first = stream.next()
        assert first is not None
        assert first.comments
        second = stream.next()
        assert second is not None
        ladder = Ladder("ETH/USD")
        ladder.take(second.event)
        assert second.id == scene.api.get("/depth/eth-usd").json()["event_id"]


def test_book_of_killed_collector_turns_stale_and_recovers(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", "BTC/USD")
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD", COLLECTOR_LEASE="1"
    )
    api = stage.api(redis.url, API_MAX_AGE="2")
    api.wait_until_live("BTC/USD")
    watch = api.watch("BTC/USD")
    stage.undo(watch.leave)
    watch.wait_for_seq(5)

    collector.kill()
    answer = api.answers("/depth/BTC%2FUSD", 503)
    problem = assert_problem(answer, 503)
    assert answer.headers["retry-after"] == str(problem["retry_after"])
    known = problem["book"]
    assert (known["symbol"], known["status"]) == ("BTC/USD", "stale")
    assert known["age_ms"] > 2000
    stale = watch.wait_for(lambda event: event.get("status") == "stale", "stale")
    assert (stale["kind"], stale["seq"], stale["epoch"]) == ("status", None, None)
    assert watch.ids[watch.events.index(stale)] is None
    assert (known["bids"], known["asks"]) == (watch.ladder.bids, watch.ladder.asks)
    (row,) = api.get("/books").json()
    assert row["status"] == "stale"

    collector.restart()
    assert api.answers("/depth/BTC%2FUSD").json()["status"] == "live"
    watch.wait_for(
        lambda event: (
            event["kind"] == "status" and (event["status"], event["seq"]) == ("live", None)
        ),
        "live again",
    )
    watch.check()
    assert watch.ladder.own_status == "live"


def test_replica_without_redis_is_alive_and_not_ready(stage: Stage) -> None:
    redis = stage.redis()
    api = stage.api(redis.url)
    api.answers("/readyz")
    redis.kill()
    assert_problem(api.answers("/readyz", 503), 503)
    assert api.get("/healthz").status_code == 200
    assert_problem(api.get("/symbols"), 503)
    redis.start()
    api.answers("/readyz")


@pytest.mark.parametrize(
    "head",
    [b"GET /" + b"a" * 200_000, b"GET /healthz HTTP/1.1\r\n" + b"X-Long: a\r\n" * 20_000],
    ids=["path", "headers"],
)
def test_endless_request_head_is_refused_early(scene: Scene, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", scene.api.port), timeout=20) as client:
        try:
            client.sendall(head)
            answer = client.recv(100)
        except ConnectionError:
            # The server closed while we sent, so its answer may be lost.
            answer = b"HTTP/1.1 431"
    assert answer.startswith(b"HTTP/1.1 431")
    assert scene.api.get("/healthz").status_code == 200


def test_many_requests_on_one_connection_are_not_refused_as_long_head(scene: Scene) -> None:
    with httpx.Client(base_url=scene.api.url, verify=False) as client:
        for _ in range(30):
            answer = client.get("/healthz", headers={"X-Long": "a" * 5_000})
            assert answer.status_code == 200


def test_client_has_the_books_the_figures_and_the_refusals_of_the_api(scene: Scene) -> None:
    with Client(scene.api.url) as client:
        assert client.get_symbols() == httpx.get(f"{scene.api.url}/symbols").json()
        books = client.get_books(SYMBOLS)
        with pytest.raises(UnknownSymbol) as unknown:
            client.get_book("BTC/US")
        with pytest.raises(Refused, match="NOPE/USD") as refused:
            client.get_book("NOPE/USD")
    assert "BTC/USD" in unknown.value.symbols
    assert refused.value.code == "refused-symbol"
    for symbol, book in books.items():
        served = httpx.get(f"{scene.api.url}/depth/{symbol}").json()
        expected = {name: served.get(name) for name in book.to_dict()}
        assert book.to_dict() == expected | {"age_ms": book.age_ms}
    figures = httpx.get(f"{scene.api.url}/quote/{BTC}", params={"side": "sell", "qty": "0.7"})
    quoted = books[BTC].cost("sell", "0.7").to_dict()
    assert quoted == {name: figures.json()[name] for name in quoted}


def test_client_with_a_prefix_that_the_api_does_not_have_says_so(scene: Scene) -> None:
    with pytest.raises(WrongPath, match="remove or correct the path prefix"):
        get_book(f"{scene.api.url}/api", BTC)
    with pytest.raises(WrongPath, match="remove or correct the path prefix"):
        next(iter(watch(f"{scene.api.url}/api", BTC)))


@pytest.mark.parametrize(
    "path", ["/depth/BTC/USD", "/stream", "/quote/BTC%2FUSD", "/books", "/events/BTC%2FUSD"]
)
def test_client_with_the_address_of_a_route_names_the_address_of_the_api(
    scene: Scene, path: str
) -> None:
    for call in (
        lambda url: get_book(url, BTC),
        get_symbols,
        lambda url: get_events(url, BTC),
        lambda url: next(iter(watch(url, BTC))),
        lambda url: next(iter(watch(url, "*"))),
    ):
        with pytest.raises(WrongPath, match=f": use {scene.api.url}$"):
            call(scene.api.url + path)
