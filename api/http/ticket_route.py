"""The route `POST /tickets`: exchange a key or a token for a ticket."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from api.access.caller import caller_of
from api.access.tickets import Tickets
from api.http.json_text import encode_json


class TicketRoute:
    """The handler of the route.

    Args:
        tickets: Issues tickets.
    """

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets

    async def issue(self, request: Request) -> Response:
        """Answer with a ticket that permits what the caller's key does, for one stream."""
        ticket = await self._tickets.issue(caller_of(request.scope).permission)
        body = {"ticket": ticket, "expires_in": self._tickets.seconds}
        return Response(encode_json(body), 201, {"Cache-Control": "no-store"}, "application/json")
