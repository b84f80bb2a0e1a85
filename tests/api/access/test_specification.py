"""Answers of an api that needs keys are as the specification says."""

from __future__ import annotations

import httpx
import pytest

from api.http.declared import Operation
from api.http.operations import OPERATIONS
from tests.api.access.written_keys import bearer
from tests.api.http.spec.strict import assert_declared

pytestmark = pytest.mark.usefixtures("two_books")

GUARDED = [each for each in OPERATIONS if not each.is_public]


@pytest.mark.parametrize("key", [None, "kb_nobody", "kb_old"])
@pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.id)
async def test_refusal_of_a_key_is_as_declared(
    client: httpx.AsyncClient, operation: Operation, key: str | None
) -> None:
    path = operation.path.replace(":path}", "}")
    answer = await client.request(
        operation.method,
        path.replace("{symbol}", "BTC/USD"),
        headers=bearer(key) if key else {},
    )
    assert answer.status_code == 401
    assert_declared(answer, path)


async def test_ticket_and_metrics_of_a_limited_key_are_as_declared(
    client: httpx.AsyncClient,
) -> None:
    ticket = await client.post("/tickets", headers=bearer("kb_btc"))
    assert ticket.status_code == 201
    assert_declared(ticket, "/tickets")
    metrics = await client.get("/metrics", headers=bearer("kb_btc"))
    assert metrics.status_code == 403
    assert_declared(metrics, "/metrics")
