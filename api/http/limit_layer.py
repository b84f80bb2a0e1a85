"""Limit the requests of each caller, and say in each answer how many are left."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.caller import caller_of
from api.access.limits import LimitReached, policy_of
from api.http.operations import UNLIMITED_PATHS
from api.http.problems import on_problem

if TYPE_CHECKING:  # it imports `limits`, which an api without limits need not load
    from api.access.limiter import Limiter


class LimitLayer:
    """An ASGI layer behind the authentication.

    Args:
        app: The application.
        limiter: Counts the requests.
    """

    def __init__(self, app: ASGIApp, limiter: Limiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 429."""
        if scope["path"] in UNLIMITED_PATHS:
            await self._app(scope, receive, send)
            return
        caller = caller_of(scope)
        policy = policy_of(self._limiter.limits_of(caller))
        headers = [(b"ratelimit-policy", policy)] if policy else []

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        try:
            standing = await self._limiter.count("requests", caller)
        except LimitReached as error:
            response = await on_problem(Request(scope, receive), error)
            await response(scope, receive, send_with_limits)
            return
        if standing is not None:
            seconds = math.ceil(standing.seconds)
            left = f'"requests";r={standing.remaining};t={seconds}'
            headers.append((b"ratelimit", left.encode()))
        await self._app(scope, receive, send_with_limits)
