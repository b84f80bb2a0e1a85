"""Errors as answers: problem+json (RFC 9457), telling what is wrong and what would be right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.http.json_text import encode_json
from api.store.corrupt_keys import Corruption
from runtime.logs import get_logger
from runtime.redis.errors import describe

log = get_logger(__name__)

# Of what a client sent, this much is said back.
MOST_SHOWN = 100

# A path as it goes into a URI reference: what is printable ASCII stays as it came.
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class Problem(Exception):
    """An answer other than the one asked for; `members` are added to the body.

    `name` identifies the kind of problem for programs, `detail` says this one for people. `headers`
    go with the answer.
    """

    def __init__(self, status: int, name: str, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.detail = detail
        self.members = members
        self.headers = {"Cache-Control": "no-store"}
        if "retry_after" in members:
            self.headers["Retry-After"] = str(members["retry_after"])


def unknown_symbol(name: str, nearest: list[str]) -> Problem:
    """No book is known by this name."""
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else "; see /symbols"
    detail = f"no symbol {name[:MOST_SHOWN]!r} is configured{hint}"
    return Problem(404, "unknown-symbol", detail, symbols=nearest)


def no_symbols() -> Problem:
    """Return the problem of a Redis that no collector has told of its symbols."""
    return unavailable("no-symbols", "no collector has told of its symbols yet")


def refused_symbol(symbol: str, reason: str | None) -> Problem:
    """Return the problem of a symbol that is configured and that Kraken does not serve.

    Waiting does not help, so this is no 503; the collector asks again, and may be answered.
    """
    reason = reason or "refused"
    return Problem(404, "refused-symbol", f"Kraken refuses {symbol}: {reason}", reason=reason)


def corrupt_key(name: str, key: str, corruption: Corruption) -> Problem:
    """Return the problem of a key of ours in Redis that holds what no collector wrote."""
    detail = f"{key} in Redis holds what no collector wrote: {corruption.why}"
    return unavailable(name, f"{detail}; to repair it: {corruption.repair}", key=key)


def bad_parameter(parameter: str, detail: str) -> Problem:
    """A query parameter or header that makes no sense."""
    return Problem(400, "bad-parameter", f"{parameter}: {detail}", parameter=parameter)


def unavailable(name: str, detail: str, retry_after: float = 1.0, **members: object) -> Problem:
    """Not now: try again after `retry_after` seconds."""
    return Problem(503, name, detail, retry_after=math.ceil(retry_after), **members)


def redis_away(error: Exception) -> Problem:
    """Return the problem of a request that Redis did not answer; `reason` says why.

    The detail has no address of Redis: it is for everybody. The log has it.
    """
    trouble = describe(error)
    # The reader of the streams says once that Redis is away; this is for who looks closer.
    log.debug("redis did not answer a request", reason=trouble.reason.value, error=trouble.text)
    return unavailable("redis-away", trouble.detail, reason=trouble.reason.value)


def problem_response(problem: Problem, instance: str) -> Response:
    """The answer that tells `problem`; `instance` is the path that met it."""
    body = {
        "type": f"urn:kraken-book:{problem.name}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        **problem.members,
    }
    return Response(encode_json(body), problem.status, problem.headers, "application/problem+json")


async def on_problem(request: Request, error: Exception) -> Response:
    """Starlette's handler for Problem."""
    assert isinstance(error, Problem)
    return problem_response(error, path_of(request))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's handler for what its router refuses: 404 and 405."""
    assert isinstance(error, HTTPException)
    name = "no-such-method" if error.status_code == 405 else "no-such-route"
    problem = Problem(error.status_code, name, _say(error, request))
    problem.headers.update(_headers(error))
    return problem_response(problem, path_of(request))


async def on_failure(request: Request, error: Exception) -> Response:
    """Starlette's handler for what nobody expected; the log has the trace."""
    log.error("request failed", exc_info=error)
    problem = Problem(500, "failure", "something failed here; the log of this replica says what")
    return problem_response(problem, path_of(request))


def path_of(request: Request) -> str:
    """Return the path as it was asked for, percent-encoded: a URI reference."""
    raw: bytes = request.scope["raw_path"]
    return quote(raw, safe=_PRINTABLE)


def _say(error: HTTPException, request: Request) -> str:
    if error.status_code == 405:
        return f"{request.method} is not served here, only {_headers(error).get('Allow', 'GET')}"
    return f"nothing is served at {path_of(request)[:MOST_SHOWN]}; see /"


def _headers(error: HTTPException) -> Mapping[str, str]:
    return error.headers or {}
