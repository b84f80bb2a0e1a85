"""REST on the port of the WebSocket: the venue's answers, and the faults of REST."""

from __future__ import annotations

import asyncio

from simulator.faults.kinds import AddressBan, RestError, RestTooMany, SlowRest, VenueMaintenance
from simulator.protocols.request_log import ReceivedRequests
from simulator.protocols.rest import RestAnswer, RestCall, json_answer
from simulator.protocols.venue import SimulatedVenue


class RestDesk:
    """Answers the REST requests of all clients.

    Args:
        protocol: The venue.
        request_log: The log of all requests.

    """

    def __init__(self, protocol: SimulatedVenue, request_log: ReceivedRequests) -> None:
        self._protocol = protocol
        self._request_log = request_log

    async def answer(self, target: str) -> RestAnswer:
        """Return the answer to a GET of a path with its query.

        A slow answer has the state of the time of the request, as if it was long under way.
        """
        answer = self._refusal() or self._protocol.answer(RestCall.parse(target))
        if answer is None:
            answer = json_answer({"error": "NOT_FOUND", "message": "there is no such path"}, 404)
        self._request_log.append_rest(target, answer.status)
        slow = self._protocol.active_faults.get(SlowRest)
        if slow:
            await asyncio.sleep(slow.delay)
        return answer

    def _refusal(self) -> RestAnswer | None:
        faults, protocol = self._protocol.active_faults, self._protocol
        if faults.get(AddressBan):
            return protocol.failed(protocol.ban_status, faults.seconds_left(AddressBan))
        if faults.get(RestTooMany):
            return protocol.failed(429, faults.seconds_left(RestTooMany))
        if faults.get(VenueMaintenance) and protocol.closes_in_maintenance:
            return protocol.failed(503, None)
        error = faults.get(RestError)
        return protocol.failed(error.status, None) if error else None
