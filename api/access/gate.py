"""The gate refuses requests without a valid credential, and sets the caller of the others.

Without keys and tokens there is no gate. With them, each request for data needs a credential. The
page, its files and the specification contain no data and need none; nor do the health checks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.authenticator import Authenticator
from api.access.caller import Caller, caller_of, set_caller
from api.access.permission import Denied, Permission
from api.store.errors import ApiError

if TYPE_CHECKING:  # it imports `limits`, which an api without limits need not load
    from api.access.limiter import Limiter

TICKET_PARAMETER = "ticket"

Answer = Callable[[Request, Exception], Awaitable[Response]]


class Gate:
    """An ASGI layer that sets the caller of each request, or refuses the request.

    An address that was denied too often gets a 429 before its credential is looked at, so that a
    right guess looks like a wrong one. A ticket is looked at in any case: it cannot be guessed, and
    its address may have others behind it.

    Args:
        app: The application.
        authenticator: Decides about credentials.
        answer: Returns the response for Denied or an ApiError.
        public_paths: The first parts of the paths that need no credential.
        is_stream: Returns whether a path is that of a stream, which takes a ticket.
        limiter: Limits the denials of each address; None for no limits.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        answer: Answer,
        public_paths: Collection[str],
        is_stream: Callable[[str], bool],
        limiter: Limiter | None = None,
    ) -> None:
        self._app = app
        self._public_paths = public_paths
        self._is_stream = is_stream
        self._authenticator = authenticator
        self._answer = answer
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller, or answer it with a problem."""
        first = scope["path"].lstrip("/").split("/", 1)[0]
        if first not in self._public_paths:
            try:
                permission = await self._permission(scope)
            except (Denied, ApiError) as error:
                response = await self._answer(Request(scope, receive), error)
                await response(scope, receive, send)
                return
            set_caller(scope, self._caller(scope, permission))
        await self._app(scope, receive, send)

    async def _permission(self, scope: Scope) -> Permission:
        """Return the permission of the request's credential; raise Denied or ApiError."""
        headers = Headers(scope=scope).getlist("Authorization")
        takes_ticket = self._is_stream(scope["path"]) and scope["method"] in {"GET", "HEAD"}
        ticket = _ticket_of(scope) if takes_ticket and not headers else None
        sender, limiter = caller_of(scope), self._limiter
        if limiter is None:
            return await self._permission_of(headers, ticket)
        if ticket is None:
            await limiter.check_denials(sender, headers)
        try:
            permission = await self._permission_of(headers, ticket)
        except Denied:
            await limiter.count_denial(sender, headers)
            raise
        if ticket is None:
            limiter.note_accepted(sender, headers)
        return permission

    async def _permission_of(self, headers: Sequence[str], ticket: str | None) -> Permission:
        if ticket is None:
            return await self._authenticator.permission(headers)
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
