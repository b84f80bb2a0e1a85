"""Log one line per request, with an id that the client gets too."""

from __future__ import annotations

import logging
import re
import secrets
from time import monotonic

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.caller import Caller, caller_of, set_caller
from api.delivery.stream_socket import bytes_streamed
from api.http.proxies import TrustedProxies
from api.http.web_settings import ROUTE_NAMES
from api.store.errors import MAX_SHOWN
from api.store.metrics import REQUESTS
from runtime.logs import get_logger

# Users write this name in LOG_LEVEL, so it does not change with the module.
LOGGER = "api.request_log"
log = get_logger(LOGGER)

# The page alone sends several requests a second, too many for a console.
CONSOLE_LEVELS = {LOGGER: logging.WARNING}

_OPS_PATHS = ("/healthz", "/readyz", "/metrics")
# An id from the client or a proxy is kept if it is safe in a log line.
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


class RequestLogger:
    """ASGI middleware that gives each request an id and logs its response.

    Args:
        app: The application.
        proxies: The proxies that are trusted to write `X-Forwarded-For`; none by default.
    """

    def __init__(self, app: ASGIApp, proxies: TrustedProxies | None = None) -> None:
        self._app = app
        self._proxies = proxies or TrustedProxies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log it when its response has ended."""
        given = Headers(scope=scope).get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        status = 500
        size = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            else:
                size += len(message.get("body", b""))
            await send(message)

        client = self._proxies.client_address(scope)
        set_caller(scope, Caller(address=client))
        begun = monotonic()
        streamed = bytes_streamed(scope)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                size += bytes_streamed(scope) - streamed
                _log_answer(scope, status, size, monotonic() - begun, client)


def _log_answer(scope: Scope, status: int, size: int, seconds: float, client: str) -> None:
    path = scope["path"]
    REQUESTS.labels(_route(path), status).inc()
    answer: dict[str, object] = {
        "method": scope["method"],
        "path": path[:MAX_SHOWN],
        "status": status,
        "bytes": size,
        "ms": round(seconds * 1000, 1),
        "client": client,
    }
    if name := caller_of(scope).name:
        answer["caller"] = name
    if path in _OPS_PATHS:
        log.debug("request", **answer)
    elif status < 500:
        # `CONSOLE_LEVELS` hides this on a console.
        log.info("request", **answer)
    else:
        log.warning("request", **answer)


def _route(path: str) -> str:
    # Clients request arbitrary paths, but the label must have few values.
    first = path.strip("/").split("/", 1)[0]
    return first if first in ROUTE_NAMES else "other"
