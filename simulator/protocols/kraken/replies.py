"""The frames that answer requests, with keys in Kraken's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from simulator.wire import now_us, time_text

HEARTBEAT = '{"channel":"heartbeat"}'
RATE_EXCEEDED = '{"Error":"Exceeded msg rate"}'


def status(connection_id: int, system: str) -> str:
    """Return the status frame, which is sent at first and after each change of the system."""
    return (
        f'{{"channel":"status","type":"update","data":[{{"version":"2.0.10","system":"{system}",'
        f'"api_version":"v2","connection_id":{connection_id}}}]}}'
    )


def ack(method: str, req_id: int | None, result: Mapping[str, Any], time_in: int) -> str:
    """Return the acknowledgement of a request; `time_in` is in microseconds since 1970."""
    return _text(
        {"method": method, **_numbered(req_id), "result": result, "success": True}, time_in
    )


def error(
    text: str,
    method: str | None,
    req_id: int | None,
    time_in: int | None,
    symbol: str | None = None,
) -> str:
    """Return the refusal of a request; with `time_in` None it carries no times."""
    named = {} if method is None else {"method": method}
    about = {} if symbol is None else {"symbol": symbol}
    return _text({"error": text, **named, **_numbered(req_id), "success": False, **about}, time_in)


def pong(req_id: int | None, time_in: int) -> str:
    """Return the answer to a ping."""
    return _text({"method": "pong", **_numbered(req_id)}, time_in)


def _numbered(req_id: int | None) -> dict[str, int]:
    return {} if req_id is None else {"req_id": req_id}


def _text(content: dict[str, Any], time_in: int | None) -> str:
    if time_in is not None:
        content |= {"time_in": time_text(time_in), "time_out": time_text(now_us())}
    return msgspec.json.encode(content).decode()
