"""Answers that are not a stream: which are errors, and which are retried."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kraken_book import (
    Refused,
    ServiceUnavailable,
    TimedOut,
    TooManyRequests,
    UnknownSymbol,
    Unreachable,
    Unusable,
    Watch,
    WrongKey,
    watch,
)
from kraken_book.client.sse import MAX_BYTES
from lab.canned_api import HOLD, Answer, CannedApi, answer, problem, sse_events, stream
from lab.written_books import SYMBOL, snapshot, update
from tests.kraken_book.client.reader import NO_PAUSES, live_at, quick_watch, read_until


def test_unknown_symbol_is_an_error_with_suggestions() -> None:
    refusal = problem(404, "no symbol 'BTC/US'", ["BTC/USD"])
    with CannedApi(refusal) as api, pytest.raises(UnknownSymbol, match="'BTC/US'") as caught:
        next(iter(watch(api.url, "BTC/US")))
    assert caught.value.symbols == ["BTC/USD"]


REFUSALS = {
    "an unknown key": (problem(401, "no such key"), "no such key"),
    "a bad request": (problem(400, "symbols: too many"), "symbols: too many"),
    "no problem+json": (answer(403, b"<h1>Go  away</h1>"), "<h1>Go away</h1>"),
    "no body": (answer(405, b""), "405"),
    "a page": (answer(200, b"<html>", "content-type: text/html"), "check the address"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_final_refusal_is_an_error_in_the_words_of_the_api(name: str) -> None:
    refusal, words = REFUSALS[name]
    with CannedApi(refusal) as api, pytest.raises(Refused, match=words):
        next(iter(watch(api.url, SYMBOL)))


TRANSIENT: dict[str, Answer] = {
    "Redis cannot be reached": problem(503, "Redis cannot be reached"),
    "no collector yet": problem(503, "no collector has told of its symbols yet"),
    "too many requests": problem(429),
    "a proxy without replicas": answer(502, b""),
    "a failure": answer(500, b"x" * 200_000),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_transient_refusal_is_retried(name: str) -> None:
    with CannedApi(TRANSIENT[name], stream(sse_events(snapshot(3)), HOLD)) as api:
        assert read_until(api, live_at(3)) == ["live 3"]


@pytest.mark.parametrize(
    "refusal", [problem(404), answer(200, b"<html>", "content-type: text/html")]
)
def test_refusal_of_a_stream_that_was_served_is_retried(refusal: Answer) -> None:
    with CannedApi(
        stream(sse_events(snapshot(3))), refusal, stream(sse_events(update(4)), HOLD)
    ) as api:
        read_until(api, live_at(4))
    assert api.requests[2].headers["last-event-id"] == "1000-3"


def test_id_that_an_api_refuses_is_forgotten() -> None:
    first = stream(sse_events(snapshot(3)))
    with CannedApi(first, problem(400, "no id"), stream(sse_events(snapshot(9)), HOLD)) as api:
        read_until(api, live_at(9))
    assert "last-event-id" not in api.requests[2].headers


def test_endless_refusal_is_read_to_a_limit() -> None:
    refusal = [b"HTTP/1.1 502 So\r\n\r\n", *[b"x" * 65536] * 1000]
    with CannedApi(refusal, stream(sse_events(snapshot(9)), HOLD)) as api:
        read_until(api, live_at(9))
        assert api.bytes_sent < 16 * MAX_BYTES


WRONG_SERVERS = {
    "a page": answer(404, b"<h1>Not Found</h1>", "content-type: text/html"),
    "nothing": answer(404, b""),
    "another api": answer(404, b'{"detail":"Not Found"}', "content-type: application/json"),
    "another api's problem": answer(404, b'{"type":"about:blank","detail":"Not Found"}'),
    "JSON": answer(200, b"{}", "content-type: application/json"),
}


@pytest.mark.parametrize("name", WRONG_SERVERS)
def test_server_of_another_kind_is_named_as_such(name: str) -> None:
    with CannedApi(WRONG_SERVERS[name]) as api, pytest.raises(Refused) as caught:
        next(iter(watch(api.url, SYMBOL)))
    assert not isinstance(caught.value, UnknownSymbol)
    assert str(caught.value).startswith(f"{api.url} answers ")
    assert "it is not a kraken-book api" in str(caught.value)


def test_symbol_that_kraken_refuses_is_an_error_in_the_words_of_kraken() -> None:
    words = {"type": "urn:kraken-book:refused-symbol", "detail": "Kraken says: not supported"}
    refusal = answer(404, msgspec.json.encode(words), "content-type: application/problem+json")
    with CannedApi(refusal) as api, pytest.raises(Refused, match="Kraken says") as caught:
        next(iter(watch(api.url, SYMBOL)))
    assert not isinstance(caught.value, UnknownSymbol)


def test_symbol_that_becomes_unknown_is_an_error_after_it_was_served() -> None:
    gone = problem(404, "no symbol", ["ETH/USD"], kind="urn:kraken-book:unknown-symbol")
    with CannedApi(stream(sse_events(snapshot(3))), gone) as api:
        books = quick_watch(api.url)
        with pytest.raises(UnknownSymbol, match="no symbol") as caught:
            list(books)
    book = books.books[SYMBOL]
    assert (book.status, book.reason) == ("stale", "disconnected")
    assert caught.value.symbols == ["ETH/USD"]
    assert books.outage == "404, no symbol; did you mean ETH/USD?"


def test_key_that_expires_during_a_watch_ends_it_with_words_about_the_key() -> None:
    gone = problem(401, "no such key")
    with CannedApi(stream(sse_events(snapshot(3))), gone) as api:
        books = quick_watch(api.url, key="k" * 20)
        with pytest.raises(WrongKey, match="expired or was revoked") as caught:
            list(books)
    assert caught.value.reason == "key-expired"
    assert "k" * 20 not in str(caught.value)
    assert books.books[SYMBOL].status == "stale"


def test_watch_gives_up_after_its_attempts_with_the_last_error() -> None:
    limited = problem(429, "too many streams")
    with CannedApi(problem(503), limited, stream(sse_events(snapshot(3)), HOLD)) as api:
        books = Watch(api.url, (SYMBOL,), patience=NO_PAUSES, attempts=2)
        with pytest.raises(TooManyRequests, match="too many streams"):
            next(iter(books))
        assert len(api.requests) == 2


def test_attempts_count_anew_after_a_stream() -> None:
    streams = [stream(sse_events(snapshot(seq))) for seq in (3, 4, 5)]
    scripts = [problem(503), streams[0], problem(503), streams[1], problem(503), streams[2]]
    with CannedApi(*scripts, problem(503), problem(503)) as api:
        books = Watch(api.url, (SYMBOL,), patience=NO_PAUSES, attempts=2)
        with pytest.raises(ServiceUnavailable):
            list(books)
        assert len(api.requests) == 8


def test_watch_without_an_api_gives_up_after_its_attempts() -> None:
    books = Watch("http://127.0.0.1:1", (SYMBOL,), patience=NO_PAUSES, attempts=2)
    words = r"no answer in 2 attempts \(connection refused\); is an api running there\? `make run`"
    with pytest.raises(Unreachable, match=words):
        next(iter(books))


def test_last_attempt_that_was_too_slow_names_the_timeout_and_no_missing_api() -> None:
    with CannedApi([HOLD]) as api, pytest.raises(TimedOut, match=r"raise timeout=\)$"):
        next(iter(watch(api.url, SYMBOL, timeout=0.1, attempts=1)))


def test_watch_abandons_a_request_that_opens_no_stream_in_time() -> None:
    with CannedApi([HOLD]) as api, pytest.raises(TimedOut, match=r"no answer within 0\.1 s"):
        next(iter(watch(api.url, SYMBOL, timeout=0.1, attempts=1)))


LIMITS: list[dict[str, Any]] = [
    {"timeout": 0},
    {"attempts": 0},
    {"attempts": True},
    *({"give_up_after": seconds} for seconds in (0, -1, "5", True, float("nan"), 10**9)),
]


@pytest.mark.parametrize("limits", LIMITS)
def test_impossible_limit_of_a_watch_is_an_error(limits: dict[str, Any]) -> None:
    with pytest.raises(Unusable, match=f"^{next(iter(limits))}=.*: use "):
        watch("http://127.0.0.1:1", SYMBOL, **limits)
