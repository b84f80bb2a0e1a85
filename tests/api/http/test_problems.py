"""Errors become responses of problem+json."""

from __future__ import annotations

import json

import pytest

from api.http.problems import (
    BadParameter,
    Problem,
    problem_of,
    problem_response,
    unavailable,
)
from api.store.corrupt_keys import Corruption
from api.store.errors import CorruptBook, NoRoom, NoSuchSymbol, NoSymbols, redis_away


@pytest.mark.parametrize(
    ("problem", "status", "title", "members"),
    [
        (
            problem_of(NoSuchSymbol("x", ["BTC/USD"])),
            404,
            "Not Found",
            {"symbols": ["BTC/USD"]},
        ),
        (problem_of(NoSymbols()), 503, "Service Unavailable", {"retry_after": 1}),
        (problem_of(NoRoom()), 503, "Service Unavailable", {"retry_after": 1}),
        (
            problem_of(CorruptBook("kraken:book:{x}", Corruption("why", "redis-cli DEL x"))),
            503,
            "Service Unavailable",
            {"retry_after": 1, "key": "kraken:book:{x}"},
        ),
        (BadParameter("levels", "no"), 400, "Bad Request", {"parameter": "levels"}),
        (
            unavailable("stale-book", "old", 1.2, book=None),
            503,
            "Service Unavailable",
            {"retry_after": 2, "book": None},
        ),
        (
            problem_of(redis_away(OSError("gone"))),
            503,
            "Service Unavailable",
            {"retry_after": 1, "reason": "unreachable"},
        ),
        (Problem(500, "failure", "why"), 500, "Internal Server Error", {}),
    ],
)
def test_problem_has_the_members_of_rfc_9457_and_its_own(
    problem: Problem, status: int, title: str, members: dict[str, object]
) -> None:
    response = problem_response(problem, "/depth/x")
    body = json.loads(bytes(response.body))
    assert response.status_code == body["status"] == status
    assert response.media_type == "application/problem+json"
    assert (body["title"], body["instance"], body["detail"]) == (title, "/depth/x", problem.detail)
    assert body["type"] == f"urn:kraken-book:{problem.code}"
    assert {name: body[name] for name in members} == members
    assert set(body) == {"type", "title", "status", "detail", "instance", *members}
    assert response.headers.get("retry-after") == (
        str(members["retry_after"]) if "retry_after" in members else None
    )
    assert response.headers["cache-control"] == "no-store"


def test_foreign_text_in_a_problem_is_escaped() -> None:
    problem = problem_of(NoSuchSymbol('"\n\u2028<script>', []))
    body = json.loads(bytes(problem_response(problem, '/depth/"').body))
    assert body["instance"] == '/depth/"'
    assert "/symbols" in body["detail"]
