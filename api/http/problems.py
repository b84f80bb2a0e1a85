"""Errors as answers: problem+json (RFC 9457) that says what is wrong and how to put it right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.http.json_text import encode_json
from api.store.errors import MAX_SHOWN, ApiError
from runtime.logs import get_logger

log = get_logger(__name__)

# Printable ASCII stays as it is when a path becomes a URI reference.
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class Problem(Exception):
    """An answer other than the one asked for.

    Args:
        status: The status of HTTP.
        code: The kind of problem, for programs.
        detail: This problem, for people.
        members: More members of the body.
    """

    def __init__(self, status: int, code: str, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.members = members
        self.headers = {"Cache-Control": "no-store"}
        if "retry_after" in members:
            self.headers["Retry-After"] = str(members["retry_after"])


def problem_of(error: ApiError) -> Problem:
    """Return the answer for an error: 503 if it passes by itself, else 404."""
    if error.is_passing:
        return Problem(503, error.code, error.detail, retry_after=1, **error.members)
    return Problem(404, error.code, error.detail, **error.members)


def refused_symbol(symbol: str, reason: str | None) -> Problem:
    """Return the problem of a configured symbol that Kraken does not serve.

    It is no 503, because waiting does not help; the collector goes on asking Kraken.
    """
    reason = reason or "refused"
    return Problem(404, "refused-symbol", f"Kraken refuses {symbol}: {reason}", reason=reason)


def bad_parameter(parameter: str, detail: str) -> Problem:
    """Return the problem of a senseless query parameter or header."""
    return Problem(400, "bad-parameter", f"{parameter}: {detail}", parameter=parameter)


def unavailable(code: str, detail: str, retry_after: float = 1.0, **members: object) -> Problem:
    """Return the problem of what may be served after `retry_after` seconds."""
    return Problem(503, code, detail, retry_after=math.ceil(retry_after), **members)


def problem_response(problem: Problem, instance: str) -> Response:
    """Return the response for `problem`; `instance` is the path that was asked for."""
    body = {
        "type": f"urn:kraken-book:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        **problem.members,
    }
    return Response(encode_json(body), problem.status, problem.headers, "application/problem+json")


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer a request that met a Problem or an ApiError."""
    problem = problem_of(error) if isinstance(error, ApiError) else error
    assert isinstance(problem, Problem)
    return problem_response(problem, path_of(request))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer a request that Starlette's router refuses: 404 and 405."""
    assert isinstance(error, HTTPException)
    code = "no-such-method" if error.status_code == 405 else "no-such-route"
    problem = Problem(error.status_code, code, _detail_of(error, request))
    problem.headers.update(_headers(error))
    return problem_response(problem, path_of(request))


async def on_failure(request: Request, error: Exception) -> Response:
    """Answer a request that met an unexpected exception, and log its trace."""
    log.error("request failed", exc_info=error)
    problem = Problem(500, "failure", "something failed here; the log of this replica says what")
    return problem_response(problem, path_of(request))


def path_of(request: Request) -> str:
    """Return the path as it was asked for, percent-encoded: a URI reference."""
    raw: bytes = request.scope["raw_path"]
    return quote(raw, safe=_PRINTABLE)


def _detail_of(error: HTTPException, request: Request) -> str:
    if error.status_code == 405:
        return f"{request.method} is not served here, only {_headers(error).get('Allow', 'GET')}"
    return f"nothing is served at {path_of(request)[:MAX_SHOWN]}; see /"


def _headers(error: HTTPException) -> Mapping[str, str]:
    return error.headers or {}
