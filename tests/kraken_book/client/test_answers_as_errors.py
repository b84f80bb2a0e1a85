"""What an answer that is not a stream means, and what its error tells the caller to change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import pytest

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
from kraken_book.client.refused import RefusedAnswer, Server
from kraken_book.errors import KrakenBookError

HERE = "http://here"
KNOWN = Server(HERE, has_credentials=True)


class Case(NamedTuple):
    """An answer, its error, and words that the message must have."""

    status: int
    error: type[KrakenBookError]
    reason: str
    words: str
    code: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    server: Server = Server(HERE)

    def received(self) -> RefusedAnswer:
        answer = RefusedAnswer(self.status, self.headers, self.server)
        if self.code is not None:
            problem = {"type": f"urn:kraken-book:{self.code}", "detail": "the api's words"}
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
    "no prefix": Case(404, WrongPath, "wrong-path", "append the prefix"),
    "wrong prefix": Case(404, WrongPath, "wrong-path", "path prefix", None, {}, Server(HERE, True)),
    "too long a path": Case(
        404, WrongPath, "wrong-path", "remove or correct the path prefix", "no-such-route", {},
        Server(HERE, True),
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
    "another server": Case(426, Refused, "refused", "check the address: http://here may be no"),
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
