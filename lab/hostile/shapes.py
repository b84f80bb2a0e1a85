"""Known attacks on HTTP servers: hidden second requests, and what is no valid HTTP."""

from __future__ import annotations

HOST = b"Host: 127.0.0.1\r\n"
END = b"\r\n\r\n"

SMUGGLED = b"/smuggled"
_INNER = b"GET " + SMUGGLED + b" HTTP/1.1\r\n" + HOST + b"\r\n"
_LENGTH = b"Content-Length: %d" % len(_INNER)
_CHUNKED = b"Transfer-Encoding: chunked"
_CHUNK = b"%x\r\n" % len(_INNER) + _INNER + b"\r\n0\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


def _request(*headers: bytes, body: bytes = _INNER, line: bytes = b"POST /books") -> bytes:
    return b"\r\n".join([line + b" HTTP/1.1\r\nHost: 127.0.0.1", *headers, b"", body])


_WEBSOCKET = (b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAA")

SMUGGLING = {
    "length, then chunked": _request(b"Content-Length: 6", _CHUNKED, body=_LAST_CHUNK + _INNER),
    "chunked, then length": _request(_CHUNKED, b"Content-Length: 4", body=_CHUNK),
    "two lengths": _request(b"Content-Length: 0", _LENGTH),
    "list of lengths": _request(b"Content-Length: 0, 45"),
    "signed length": _request(b"Content-Length: +45"),
    "hexadecimal length": _request(b"Content-Length: 0x2d"),
    "length with a space before the colon": _request(b"Content-Length : 45"),
    "length of a GET": _request(_LENGTH, line=b"GET /books"),
    "unknown encoding": _request(b"Transfer-Encoding: xchunked", _LENGTH),
    "folded encoding": _request(b"Transfer-Encoding:\r\n chunked", _LENGTH),
    "two encodings": _request(_CHUNKED, b"Transfer-Encoding: identity", body=_LAST_CHUNK + _INNER),
    "chunk with an extension": _request(_CHUNKED, body=b"0;a=\n" + _INNER),
    "chunk with a long extension": _request(_CHUNKED, body=b"1;" + b"x" * 100_000),
    "huge chunk": _request(_CHUNKED, body=b"f" * 17 + b"\r\n" + _INNER),
    "negative chunk": _request(_CHUNKED, body=b"-1\r\n" + _INNER),
    "trailers": _request(_CHUNKED, body=b"0\r\nContent-Length: 9\r\n\r\n"),
    "line feeds alone": _request(_LENGTH).replace(b"\r\n", b"\n"),
    "carriage return alone": _request(b"X: a\r" + _INNER, body=b""),
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _INNER,
    "upgrade to HTTP/2": _request(b"Connection: Upgrade", b"Upgrade: h2c", _LENGTH),
    "upgrade to websocket": _request(b"Connection: Upgrade", *_WEBSOCKET, _LENGTH),
    "expectation": _request(b"Expect: 100-continue", _LENGTH),
}
"""Requests in which a second one is hidden; a server may answer the first one at most."""

MALFORMED = (
    b"",
    b"\r\n",
    bytes(300),
    b"GET",
    b"GET /books",
    b"GET /books\r\n\r\n",
    b"GET /books HTTP/9.9" + END,
    b"GET  /books HTTP/1.1" + END,
    b"GET /books HTTP/1.0" + END,
    b"GET /books HTTP/1.1" + END,
    b"GET /\xe4 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET //evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://evil.example/books HTTP/1.1" + END,
    b"GET http://a@b:99999999/ HTTP/1.1" + END,
    b"OPTIONS * HTTP/1.1" + END,
    b"CONNECT a:443 HTTP/1.1" + END,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"GET /books HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    b"GET /books HTTP/1.1\r\n: x" + END,
    b"GET /books HTTP/1.1\r\nno colon" + END,
    b"GET /books HTTP/1.1\r\nX: \x00" + END,
    b"GET /books HTTP/1.1\r\nX: " + b"h" * 70_000 + END,
    b"GET /books HTTP/1.1\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
    b"GET /" + b"p" * 70_000 + b" HTTP/1.1" + END,
    b"POST /tickets HTTP/1.1\r\nContent-Length: x" + END,
)
"""What is no HTTP, or hardly."""
