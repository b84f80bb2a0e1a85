"""The operator endpoints."""

from __future__ import annotations

import httpx

from tests.api.http.problem_check import assert_problem
from tests.api.replica import Replica


async def test_readyz_is_a_503_while_draining(client: httpx.AsyncClient, replica: Replica) -> None:
    assert (await client.get("/readyz")).status_code == 200
    await replica.streams.drain(0.01)
    assert_problem(await client.get("/readyz"), 503, "draining")
    assert (await client.get("/healthz")).status_code == 200


async def test_metrics_is_prometheus_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "kraken_book_requests_total" in answer.text
