"""Turn errors into responses: problem+json (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from api.access.limits import WINDOW_SECONDS, LimitReached
from api.access.permission import Denied
from api.http.answers import ProblemAnswer
from api.http.json_text import encode_json
from api.store.errors import MAX_SHOWN, ApiError
from api.store.metrics import DENIED, LIMITED
from kraken_book.symbols import venue_of
from kraken_book.words import venue_title
from runtime.logs import get_logger

log = get_logger(__name__)

# Characters that are not escaped when a path becomes a URI reference: printable ASCII.
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
# The member of a request's scope with the path below which a proxy serves the api.
ROOT_PATH_KEY = "kraken_book.root_path"


class Problem(Exception):
    """An error response.

    Args:
        status: The HTTP status.
        code: The kind of problem, for programs.
        detail: The message, for people.
        members: Additional members of the body.
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


class BadParameter(Problem):
    """A query parameter or header is invalid."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(400, "bad-parameter", f"{parameter}: {detail}", parameter=parameter)


def problem_of(error: ApiError) -> Problem:
    """Return the problem of an error."""
    members = {"retry_after": 1, **error.members} if error.is_passing else error.members
    problem = Problem(error.status, error.code, error.detail, **members)
    # Without `retry_after` the request itself is too large, and time does not help.
    if isinstance(error, LimitReached) and "retry_after" in members:
        problem.headers["RateLimit"] = f'"{error.name}";r=0;t={members["retry_after"]}'
        if error.name == "denials":
            # `LimitLayer` adds the policies of callers, and a denied request has none.
            policy = f'"denials";q={members["allowed"]};w={WINDOW_SECONDS}'
            problem.headers["RateLimit-Policy"] = policy
    return problem


def refused_symbol(symbol: str, reason: str | None) -> Problem:
    """Return the problem of a configured symbol that its venue refuses.

    It is a 404 and not a 503, because a retry does not help soon.
    """
    reason = reason or "refused"
    venue = venue_title(venue_of(symbol))
    return Problem(404, "refused-symbol", f"{venue} refuses {symbol}: {reason}", reason=reason)


def denied(error: Denied) -> Problem:
    """Return the problem of a request without a valid credential (RFC 6750)."""
    status = 403 if error.code == "key-forbids" else 401
    problem = Problem(status, error.code, error.detail)
    challenge = 'Bearer realm="kraken-book"'
    if error.code != "key-missing":
        kind = "insufficient_scope" if status == 403 else "invalid_token"
        challenge += f', error="{kind}"'
    problem.headers["WWW-Authenticate"] = challenge
    return problem


def unavailable(code: str, detail: str, retry_after: float = 1.0, **members: object) -> Problem:
    """Return a problem that may have passed after `retry_after` seconds."""
    return Problem(503, code, detail, retry_after=math.ceil(retry_after), **members)


def problem_response(problem: Problem, instance: str) -> Response:
    """Return the response for `problem`; `instance` is the requested path."""
    body = problem_body(problem, instance)
    return Response(encode_json(body), problem.status, problem.headers, "application/problem+json")


def problem_body(problem: Problem, instance: str) -> ProblemAnswer:
    """Return the body of the response for `problem`; `instance` is the requested path."""
    members: dict[str, Any] = problem.members
    return ProblemAnswer(
        type=f"urn:kraken-book:{problem.code}",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=problem.detail,
        instance=instance,
        **members,
    )


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer a request that raised a Problem, an ApiError or Denied."""
    if isinstance(error, ApiError):
        if (limit := error.members.get("limit")) is not None:
            LIMITED.labels(limit).inc()
        problem = problem_of(error)
    elif isinstance(error, Denied):
        DENIED.labels(error.code).inc()
        problem = denied(error)
    else:
        assert isinstance(error, Problem)
        problem = error
    return problem_response(problem, path_of(request))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer a request that Starlette's router refused with 404 or 405."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405 and request.method == "OPTIONS":
        return Response(None, 204, _headers(error))
    code = "no-such-method" if error.status_code == 405 else "no-such-route"
    problem = Problem(error.status_code, code, _detail_of(error, request))
    problem.headers.update(_headers(error))
    return problem_response(problem, path_of(request))


async def on_failure(request: Request, error: Exception) -> Response:
    """Answer a request that raised an unexpected exception, and log the traceback."""
    log.error("request failed", exc_info=error)
    problem = Problem(500, "failure", "internal error; the log of this replica has the cause")
    return problem_response(problem, path_of(request))


def path_of(request: Request) -> str:
    """Return the path that the client requested as a percent-encoded URI reference."""
    raw: bytes = request.scope["raw_path"]
    return root_path_of(request.scope) + quote(raw, safe=PRINTABLE)


def root_path_of(scope: Scope) -> str:
    """Return the path below which a proxy serves the api, without a slash at its end."""
    root_path: str = scope.get(ROOT_PATH_KEY, "")
    return root_path


def _detail_of(error: HTTPException, request: Request) -> str:
    if error.status_code == 405:
        return f"{request.method} is not allowed here, only {_headers(error)['Allow']}"
    return f"there is nothing at {path_of(request)[:MAX_SHOWN]}; see /docs"


def _headers(error: HTTPException) -> Mapping[str, str]:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # Starlette joins a set, so its order differs between processes. For files it has none.
        allowed = headers.get("Allow", "GET, HEAD").split(", ")
        headers["Allow"] = ", ".join(sorted({*allowed, "OPTIONS"}))
    return headers
