"""Decode the requests of clients."""

from __future__ import annotations

import msgspec

MALFORMED = "Malformed request"


class Params(msgspec.Struct, frozen=True):
    """The parameters of a request, with Kraken's defaults."""

    channel: str
    symbol: list[str] = msgspec.field(default_factory=list)
    depth: int = 10
    snapshot: bool = True


class Request(msgspec.Struct, frozen=True):
    """A request of any method."""

    method: str
    params: Params | None = None
    req_id: int | None = None


class BadRequest(ValueError):
    """A message that is not a valid request.

    Attributes:
        method: The method, or None if it cannot be read.
        req_id: The number, or None if it cannot be read.

    """

    def __init__(self, text: str, method: str | None, req_id: int | None) -> None:
        super().__init__(text)
        self.method = method
        self.req_id = req_id


_request_decoder = msgspec.json.Decoder(Request)


def parse_request(message: str | bytes) -> Request:
    """Return the request in a message; BadRequest if it is malformed."""
    try:
        return _request_decoder.decode(message)
    except msgspec.MsgspecError as error:
        raise _bad_request(message) from error


def _bad_request(message: str | bytes) -> BadRequest:
    try:
        content = msgspec.json.decode(message)
    except msgspec.MsgspecError:
        content = None
    if not isinstance(content, dict):
        return BadRequest(MALFORMED, None, None)
    method, req_id = content.get("method"), content.get("req_id")
    return BadRequest(
        MALFORMED,
        method if isinstance(method, str) else None,
        req_id if isinstance(req_id, int) and not isinstance(req_id, bool) else None,
    )
