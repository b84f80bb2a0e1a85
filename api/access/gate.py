"""The gate refuses requests without a valid credential, and sets the caller of the others.

Without keys and tokens there is no gate. With them, each request for data needs a credential. The
page, its files and the specification contain no data and need none; nor do the health checks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.authenticator import Authenticator
from api.access.caller import Caller, caller_of, set_caller
from api.access.permission import Denied, Permission
from api.store.errors import ApiError
from api.store.metrics import DENIED

# Its labels have symbols and names of all callers.
_METRICS = "metrics"
_STREAM = "stream"
TICKET_PARAMETER = "ticket"

Answer = Callable[[Request, Exception], Awaitable[Response]]


class Gate:
    """An ASGI layer that sets the caller of each request, or refuses the request.

    Args:
        app: The application.
        authenticator: Decides about credentials.
        answer: Returns the response for Denied or an ApiError.
        public_paths: The first parts of the paths that need no credential.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        answer: Answer,
        public_paths: Collection[str],
    ) -> None:
        self._app = app
        self._public_paths = public_paths
        self._authenticator = authenticator
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller, or answer it with a problem."""
        first = scope["path"].lstrip("/").split("/", 1)[0]
        if first not in self._public_paths:
            try:
                permission = await self._permission(scope, first)
            except (Denied, ApiError) as error:
                if isinstance(error, Denied):
                    DENIED.labels(error.code).inc()
                response = await self._answer(Request(scope, receive), error)
                await response(scope, receive, send)
                return
            set_caller(scope, self._caller(scope, permission))
        await self._app(scope, receive, send)

    async def _permission(self, scope: Scope, first: str) -> Permission:
        """Return what the request's credential permits; raise Denied or ApiError."""
        headers = Headers(scope=scope).getlist("Authorization")
        takes_ticket = first == _STREAM and scope["method"] in {"GET", "HEAD"}
        ticket = _ticket_of(scope) if takes_ticket else None
        if headers or ticket is None:
            permission = await self._authenticator.permission(headers)
            if first == _METRICS and permission.symbols is not None:
                raise Denied("key-forbids", "/metrics needs a key for all symbols")
            return permission
        return await self._authenticator.redeem(ticket)

    def _caller(self, scope: Scope, permission: Permission) -> Caller:
        validity = self._authenticator.validity(permission)
        return Caller(permission, caller_of(scope).address, validity)


def _ticket_of(scope: Scope) -> str | None:
    """Return the ticket in the query, None if there is none."""
    query: bytes = scope["query_string"]
    if not query:
        return None
    found = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(TICKET_PARAMETER)
    return found[0] if found else None
