"""The route `POST /tickets`: exchange a key or a token for a ticket."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from api.access.caller import caller_of
from api.access.tickets import Tickets
from api.http.answers import TicketAnswer
from api.http.json_text import encode_json
from api.http.problems import Problem


class TicketRoute:
    """The handler of the route.

    Args:
        tickets: Issues tickets; None if the api needs no keys.
    """

    def __init__(self, tickets: Tickets | None) -> None:
        self._tickets = tickets

    async def issue(self, request: Request) -> Response:
        """Answer with a ticket that permits what the caller's key does, for one stream."""
        if self._tickets is None:
            raise Problem(404, "no-such-route", "this api needs no key, so it has no tickets")
        ticket = await self._tickets.issue(caller_of(request.scope).permission)
        body = TicketAnswer(ticket, self._tickets.seconds)
        return Response(encode_json(body), 201, {"Cache-Control": "no-store"}, "application/json")
