"""What an answer that is not a stream means, and what its error tells the caller to change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import pytest

from api.http import operations
from api.http.declared import Operation
from api.store.errors import NoSuchSymbol
from kraken_book import (
    Forbidden,
    ProxyFailed,
    Refused,
    ServiceUnavailable,
    TooManyRequests,
    UnknownSymbol,
    WrongKey,
    WrongPath,
    WrongServer,
)
from kraken_book.client.api_paths import ROUTES, prefix_of
from kraken_book.client.refused import RefusedAnswer, Server
from kraken_book.errors import KrakenBookError

HERE = "http://here"
KNOWN = Server(HERE, has_credentials=True)
BELOW = Server(f"{HERE}/v1", "/v1")
PROXIED = Server(HERE, proxy="HTTP_PROXY")
OPERATIONS = [each for each in vars(operations).values() if isinstance(each, Operation)]


class Case(NamedTuple):
    """An answer, its error, and words that the message must have."""

    status: int
    error: type[KrakenBookError]
    reason: str
    words: str
    code: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    server: Server = Server(HERE)
    instance: str = ""

    def received(self) -> RefusedAnswer:
        answer = RefusedAnswer(self.status, self.headers, self.server)
        if self.code is not None:
            problem = {
                "type": f"urn:kraken-book:{self.code}",
                "detail": "the api's words",
                "instance": self.instance,
            }
            answer.feed(msgspec.json.encode(problem))
        return answer


EXPIRED = {"www-authenticate": 'Bearer error="invalid_token", error_description="Token expired"'}
UNKNOWN = {"www-authenticate": 'Bearer realm="books", error="invalid_token"'}
BASIC = {"www-authenticate": 'Basic realm="staff"'}

CASES = {
    "no key": Case(401, WrongKey, "key-missing", "pass key=", "key-missing"),
    "no key, proxy": Case(401, WrongKey, "key-missing", "a user and a password", None, BASIC),
    "wrong password": Case(401, WrongKey, "key-unknown", "a user and", None, BASIC, KNOWN),
    "unknown key": Case(401, WrongKey, "key-unknown", "does not know this key", None, {}, KNOWN),
    "invalid token": Case(401, WrongKey, "key-unknown", "does not know", None, UNKNOWN, KNOWN),
    "revoked key": Case(401, WrongKey, "key-unknown", "is whole", "key-unknown", {}, KNOWN),
    "expired key": Case(401, WrongKey, "key-expired", "get a new one", "key-expired", {}, KNOWN),
    "expired token": Case(401, WrongKey, "key-expired", "expired", None, EXPIRED, KNOWN),
    "forbidden": Case(403, Forbidden, "forbidden", "use a key that permits it", "forbidden"),
    "another server": Case(404, WrongServer, "wrong-server", "append the prefix"),
    "another server below a prefix": Case(
        404, WrongServer, "wrong-server", "check host, port and path prefix", None, {}, BELOW
    ),
    "another server of a proxy": Case(
        404, WrongServer, "wrong-server", "the proxy of HTTP_PROXY: correct it", None, {}, PROXIED
    ),
    "forbidden by a proxy": Case(
        403, Forbidden, "forbidden", "the proxy of HTTP_PROXY: correct it", None, {}, PROXIED
    ),
    "outage of a proxy": Case(
        502, ServiceUnavailable, "unavailable", "name the host in NO_PROXY", None, {}, PROXIED
    ),
    "too long a path": Case(
        404, WrongPath, "wrong-path",
        "remove or correct the path prefix of the address, as in http://here", "no-such-route", {},
        BELOW,
    ),
    "refused symbol": Case(404, Refused, "refused", "the api's words", "refused-symbol"),
    "unknown symbol": Case(
        404, UnknownSymbol, "unknown-symbol", "the api's words", "unknown-symbol"
    ),
    "redirect to nowhere": Case(302, WrongServer, "wrong-server", "302 with nothing"),
    "a page": Case(
        200, WrongServer, "wrong-server", "check the address", None, {"content-type": "text/html"}
    ),
    "proxy without user": Case(407, ProxyFailed, "proxy", "HTTPS_PROXY=http://user:password@"),
    "limit": Case(
        429, TooManyRequests, "too-many-requests", "again in 7 s", "too-many-requests",
        {"retry-after": "7"},
    ),
    "limit without a time": Case(429, TooManyRequests, "too-many-requests", "429"),
    "outage": Case(503, ServiceUnavailable, "unavailable", "the api's words", "redis-away"),
    "slow request": Case(408, ServiceUnavailable, "unavailable", "408"),
    "another protocol": Case(426, Refused, "refused", "check the address: http://here may be no"),
    "bad request": Case(400, Refused, "refused", "the api's words", "bad-parameter"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_answer_becomes_the_error_that_says_what_to_change(name: str) -> None:
    case = CASES[name]
    error = case.received().error()
    assert type(error) is case.error
    assert error.reason == case.reason
    assert case.words in str(error)
    if isinstance(error, Refused):
        assert (error.status, error.code) == (case.status, case.code)


def test_key_that_was_accepted_before_has_expired() -> None:
    error = RefusedAnswer(401, {}, KNOWN).error(was_served=True)
    assert (error.reason, isinstance(error, WrongKey)) == ("key-expired", True)
    # An api that needs a key since a restart had none to expire.
    assert RefusedAnswer(401, {}).error(was_served=True).reason == "key-missing"


def test_answer_of_another_server_gives_no_code_and_no_control_characters() -> None:
    answer = RefusedAnswer(503, {})
    answer.feed(msgspec.json.encode({"type": "about:blank", "detail": "\x1b[2J\u202e"}))
    error = answer.error()
    assert isinstance(error, Refused)
    assert error.code is None
    assert str(error).isprintable()


def test_time_to_retry_is_a_number_of_seconds_or_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    seconds = RefusedAnswer(429, {"retry-after": soon}).retry_after
    assert seconds is not None
    assert 80 < seconds <= 90
    past = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)
    assert RefusedAnswer(429, {"retry-after": past}).retry_after == 0.0
    assert RefusedAnswer(429, {"retry-after": "9" * 50}).retry_after == 99_999.0
    for wrong in ("", "soon", "-1", "1.5", "\u0661", "Fri, 99 Nov 2026 99:99:99 GMT"):
        assert RefusedAnswer(429, {"retry-after": wrong}).retry_after is None, wrong


# The path of an address, the path that the api got, its answer, and the right path of the address.
PASTED = {
    "a book": ("/depth/BTC/USD", "/depth/BTC/USD/depth/BTC%2FUSD", 404, "unknown-symbol", ""),
    "its symbols": ("/depth/BTC/USD", "/depth/BTC/USD/symbols", 404, "unknown-symbol", ""),
    "an escaped path": ("/depth/A/B", "/depth/A%2FB/depth/A%2FB", 404, "unknown-symbol", ""),
    "a stream": ("/stream/BTC/USD", "/stream/BTC/USD/stream", 400, "bad-parameter", ""),
    "all streams": ("/stream", "/stream/stream/BTC%2FUSD", 404, "unknown-symbol", ""),
    "a quote": ("/quote/BTC/USD", "/quote/BTC/USD/depth/A%2FB", 400, "bad-parameter", ""),
    "past events": ("/events/A/B", "/events/A/B/events/A%2FB", 404, "unknown-symbol", ""),
    "events of a book": ("/depth/A/B", "/depth/A/B/events/A%2FB", 404, "unknown-symbol", ""),
    "events of all books": ("/books", "/books/events/A%2FB", 404, "no-such-route", ""),
    "all books": ("/books", "/books/depth/BTC%2FUSD", 404, "no-such-route", ""),
    "all symbols": ("/symbols", "/symbols/symbols", 404, "no-such-route", ""),
    "a removed prefix": ("/a/books", "/books/depth/A%2FB", 404, "no-such-route", "/a"),
    "a known prefix": ("/a/books", "/a/books/depth/A%2FB", 404, "no-such-route", "/a"),
    "a prefix like a route": ("/books/docs", "/docs/symbols", 404, "no-such-route", "/books"),
}


@pytest.mark.parametrize("name", PASTED)
def test_address_of_a_route_is_a_wrong_path_with_the_right_address(name: str) -> None:
    path, instance, status, code, prefix = PASTED[name]
    server = Server(HERE + path, path)
    error = (
        Case(status, WrongPath, "", "", code, server=server, instance=instance).received().error()
    )
    assert type(error) is WrongPath
    assert str(error).startswith(f"{HERE}{path} is a route of a kraken-book api")
    assert str(error).endswith(f": use {HERE}{prefix}")


def test_prefix_that_is_called_like_a_route_does_not_hide_an_unknown_symbol() -> None:
    for prefix in ("/books", "/depth", "/stream/a"):
        case = Case(
            404, UnknownSymbol, "", "", "unknown-symbol", server=Server(HERE + prefix, prefix),
            instance="/depth/FOO%2FUSD",
        )  # fmt: skip
        assert type(case.received().error()) is UnknownSymbol


def test_routes_are_those_of_the_api() -> None:
    assert {each.first_part for each in OPERATIONS} - {""} == ROUTES
    assert prefix_of("/a/depth/BTC/USD") == "/a"
    assert prefix_of("/a/b/") == "/a/b"


def test_unknown_symbol_names_near_ones_or_the_function_that_lists_them() -> None:
    def words(detail: str, symbols: list[str]) -> str:
        answer = RefusedAnswer(404, {})
        members = {"type": "urn:kraken-book:unknown-symbol", "detail": detail, "symbols": symbols}
        answer.feed(msgspec.json.encode(members))
        return str(answer.error())

    near, far = NoSuchSymbol("BTC/US", ["BTC/USD"]), NoSuchSymbol("FOO/USD", [])
    assert words(near.detail, ["BTC/USD"]) == near.detail
    listed = "get_symbols(), or /symbols of the api, lists those that it has"
    assert words(far.detail, []) == f"no symbol 'FOO/USD' is configured; {listed}"
    assert words("", []).endswith(listed)
    assert words("gone", ["A/B", "C/D"]) == "gone; did you mean A/B or C/D?"
