"""Random requests of a hostile client, from a seed.

Most are valid HTTP with strange targets, parameters and headers, so that they reach the
application. The others are no valid HTTP: some from a list of known attacks, the rest by damage to
a valid one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from lab.hostile.shapes import END, MALFORMED

PATHS = (
    "/", "/books", "/symbols", "/depth/BTC/USD", "/depth/BTC-USD", "/depth/btcusd",
    "/stream/BTC/USD", "/stream", "/stream/", "/quote/BTC-USD", "/best/BTC-USD", "/events/BTC-USD",
    "/tickets",
    "/healthz", "/readyz", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/page/page.js",
    "/page/", "/kraken-book.js", "/favicon.ico", "/asyncapi.json", "/robots.txt",
)  # fmt: skip
METHODS = (
    *("GET",) * 12, "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "BREW",
)  # fmt: skip
PARAMETERS = (
    "symbols", "levels", "view", "interval", "last_event_id", "lastEventId", "ticket", "key",
    "side", "qty", "from", "after", "to", "limit", "format", "levels[]", "LEVELS", "callback",
    "__proto__", "symbol", "",
)  # fmt: skip
SECRET_PARAMETERS = ("ticket", "key", "token", "access_token", "api_key", "Ticket")
TEXTS = (
    "", "0", "-1", "10", "1e309", "NaN", "inf", "0x10", "1_0", "9" * 400, "1." + "0" * 300, "true",
    "null", "buy", "top", "BTC/USD", "btc-usd", "BTC%2FUSD", "BTC/USD,ETH/USD", "*", "**", "*/*",
    "*/USD,!*/USD", "!", "XBT/USD", "A" * 5000, ",".join(["BTC/USD"] * 300), "BTC/USD\0", "%",
    "../../etc/passwd", "..%2f..%2fetc", "%zz", "${jndi:ldap://x}", "{{7*7}}", "' OR 1=1 --",
    "<script>alert(1)</script>", "\u202eDSU/CTB", "\u0663", "\uff11\uff10", "\U0001f4a5", "\ud7ff",
    "\x1b[2J", "\r\nX-Injected: 1", "\n\ndata: forged\n\n", "-", "0-0", "1760000000000",
    "1760000000000-5", "99999999999999999999-1", "1-99999999999999999999", "1.5-2",
    "kraken:book:{BTC/USD}",
)  # fmt: skip
RAW = (
    b"%00", b"%c0%af", b"%ff", b"%e2%80%ae", b"%25%32%66", b"%0d%0aX-Injected:%201", b"+", b"%",
    b";a=b",
)  # fmt: skip
HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "Access-Control-Request-Headers",
    "Access-Control-Request-Method", "Authorization", "Cache-Control", "Content-Type", "Cookie",
    "Forwarded", "If-Match", "If-Modified-Since", "If-None-Match", "Last-Event-ID", "Origin",
    "Priority", "Range", "Referer", "Sec-Fetch-Mode", "TE", "User-Agent", "Via", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-HTTP-Method-Override",
    "X-Original-URL",
)  # fmt: skip
VALUES = (
    "*", "*/*", "text/event-stream", "application/json;q=0.000", "gzip;q=nan, zstd;q=-1, *;q=9",
    "identity;q=0", "gzip, gzip, gzip, br", "null", "https://evil.example", "bytes=9-1,0-0",
    "https://app.example.com", "https://app.example.com:443@evil.example", "GET", "Last-Event-ID",
    "http://localhost:3000", "bytes=0-", 'W/"x"', '"' + "e" * 3000 + '"', "Bearer", "Bearer ",
    "Bearer a b", "Basic YTpi", "bearer " + "x" * 4000, "1.2.3.4", "::1, unknown, [::1]:9, 999.9",
    "for=1.2.3.4;proto=javascript", "evil.example", "/../admin", "1760000000000-5", "-1--1", "PUT",
    "a=b; " * 200, "Mon, 32 Foo 20260", "\xe4\xf6", "\t", "%s%n", "'", "0",
)  # fmt: skip
HOSTS = (
    "127.0.0.1", "localhost", "localhost:1", "evil.example", "[::1]", "127.0.0.1@evil", "",
    "a" * 300,
)  # fmt: skip

_DAMAGE = (*b"\r\n\0 :\t\xff/", *range(256))


class HostileRequest(NamedTuple):
    """One request."""

    data: bytes
    is_http: bool
    """Whether it is valid HTTP, so that another request can follow on its connection."""


class RequestMaker:
    """Draws requests.

    Args:
        seed: The same seed draws the same requests.
        secrets: Keys, tokens and tickets, for the header Authorization and for parameters.
        invalid_share: The share of requests that are no valid HTTP.
    """

    def __init__(self, seed: int, secrets: Sequence[str] = (), invalid_share: float = 0.05) -> None:
        self._random = random.Random(seed)
        self._secrets = secrets
        self._invalid_share = invalid_share
        self._number = 0

    def next(self) -> HostileRequest:
        """Return the next request."""
        if self._random.random() < self._invalid_share:
            return HostileRequest(self._invalid(), is_http=False)
        return HostileRequest(self._valid(self._secrets), is_http=True)

    def _invalid(self) -> bytes:
        draw = self._random
        if draw.random() < 0.4:
            return draw.choice(MALFORMED)
        # Without secrets: damage could move one into the path, which is logged.
        data = bytearray(self._valid(()))
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(data))
            removed, added = draw.choice(((1, 1), (0, 1), (draw.randint(1, 9), 0)))
            data[at : at + removed] = bytes(draw.choices(_DAMAGE, k=added))
        return bytes(data)

    def _valid(self, secrets: Sequence[str]) -> bytes:
        draw = self._random
        self._number += 1
        method = draw.choice(METHODS)
        lines = [
            f"{method} ".encode() + self._target(secrets) + b" HTTP/1.1",
            b"Host: " + (draw.choice(HOSTS) if draw.random() < 0.1 else "127.0.0.1").encode(),
            b"X-Request-ID: hostile-%d" % self._number,
        ]
        lines += [
            f"{draw.choice(HEADERS)}: {draw.choice(VALUES)}".encode("latin-1")
            for _ in range(draw.choice((0, 0, 1, 1, 2, 5)))
        ]
        if secrets and draw.random() < 0.7:
            lines.append(f"Authorization: Bearer {draw.choice(secrets)}".encode("latin-1"))
        body = b""
        if method in {"POST", "PUT", "PATCH"} and draw.random() < 0.5:
            body = draw.choice((b"{}", b"\xff\xfe", b"[" * 2000, b'{"a":1e999}', b"x" * 3000))
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines) + END + body

    def _target(self, secrets: Sequence[str]) -> bytes:
        draw = self._random
        path = draw.choice(PATHS).encode()
        if draw.random() < 0.3:
            path += b"/" * draw.randint(0, 2) + self._encoded(draw.choice(TEXTS), "/*")
        if draw.random() < 0.15:
            at = draw.randint(1, len(path))
            path = path[:at] + draw.choice(RAW) + path[at:]
        pairs = [
            self._encoded(draw.choice(PARAMETERS), "") + b"=" + self._value()
            for _ in range(draw.choice((0, 0, 1, 1, 1, 2, 4)))
        ]
        separators = [b"&", b"&", b"&&", b";"]
        if secrets and draw.random() < 0.1:
            secret = quote(draw.choice(secrets), safe="")
            pairs.append(f"{draw.choice(SECRET_PARAMETERS)}={secret}".encode())
            # A semicolon would make it a part of another value, which may be in the answer.
            separators = separators[:-1]
        return path + (b"?" + draw.choice(separators).join(pairs) if pairs else b"")

    def _value(self) -> bytes:
        draw = self._random
        if draw.random() < 0.1:
            return draw.choice(RAW)
        return self._encoded(draw.choice(TEXTS), draw.choice(("", "/,*", "/,*!")))

    def _encoded(self, text: str, safe: str) -> bytes:
        if self._random.random() < 0.1:
            # Percent-encode everything, as no client does.
            return b"".join(b"%%%02x" % each for each in text.encode())
        return quote(text, safe=safe).encode()
