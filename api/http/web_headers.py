"""The headers of every answer: rules for browsers, and compression.

All of them are written with the start of an answer, so events of a stream cost nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.compression import CompressedAnswer, Compression

Header = tuple[bytes, bytes]

_VARY: Header = (b"vary", b"accept-encoding")
# A page of another site can neither show an answer, nor load it without CORS.
_OF_ALL: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# Data that a browser shows as a document has no rights.
_OF_DATA: tuple[Header, ...] = (
    *_OF_ALL,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
# The page loads nothing from other origins.
PAGE_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
    " object-src 'none'"
)
_OF_DOCUMENTS: tuple[Header, ...] = (
    *_OF_ALL,
    (b"content-security-policy", PAGE_POLICY.encode()),
    # `frame-ancestors` for old browsers.
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"cross-origin-opener-policy", b"same-origin"),
    # The address of a page may contain a ticket.
    (b"referrer-policy", b"no-referrer"),
)
_STREAM, _DOCUMENT = b"text/event-stream", b"text/html"
_NAMES = frozenset(name for name, _ in (*_OF_DATA, *_OF_DOCUMENTS))


class WebHeaders:
    """ASGI middleware that completes the headers of each answer, and compresses its body.

    A header that the application has set is left unchanged.

    Args:
        app: The application.
        compression: Compresses bodies.
    """

    def __init__(self, app: ASGIApp, compression: Compression | None = None) -> None:
        self._app = app
        self._compression = compression or Compression()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if message["status"] == 304:
                    # The client has the other headers, with the body.
                    message["headers"] = [*headers, _VARY]
                else:
                    message["headers"] = _completed(headers)
            await send(message)

        coding = self._compression.coding_for(scope)
        if coding is None:
            await self._app(scope, receive, send_with_headers)
            return
        answer = CompressedAnswer(
            self._compression, coding, send_with_headers, is_head=scope["method"] == "HEAD"
        )
        await self._app(scope, receive, answer.send)


def _completed(headers: Iterable[Header]) -> list[Header]:
    """Return the headers of an answer with those that it lacks."""
    content_type = b""
    has_own = False
    for name, value in headers:
        if name == b"content-type":
            content_type = value
        elif name in _NAMES:
            has_own = True
    is_document = content_type.startswith(_DOCUMENT)
    added: Iterable[Header] = _OF_DOCUMENTS if is_document else _OF_DATA
    if has_own:
        present = dict(headers)
        added = [header for header in added if header[0] not in present]
    if content_type.startswith(_STREAM):
        return [*headers, *added]
    return [*headers, *added, _VARY]
