"""Check a response that is a problem."""

from __future__ import annotations

from typing import Any

import httpx

PROBLEM = "application/problem+json"


def assert_problem(answer: httpx.Response, status_code: int, name: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status_code
    assert answer.headers["content-type"] == PROBLEM
    assert list(body)[:5] == ["type", "title", "status", "detail", "instance"]
    assert (body["status"], body["type"].rpartition(":")[2]) == (status_code, name)
    assert body["instance"] == answer.request.url.path
    assert body["title"]
    assert body["detail"]
    return body
