"""The operator endpoints."""

from __future__ import annotations

import httpx
from starlette.requests import Request

from api.http.ops import MAX_TEXTS_PER_SECOND, Ops
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


async def test_flood_for_metrics_gets_a_text_of_the_last_second(replica: Replica) -> None:
    now = 0.0
    ops = Ops(replica.store, replica.streams, clock=lambda: now)
    request = Request({"type": "http", "headers": []})
    texts = [(await ops.metrics(request)).body for _ in range(MAX_TEXTS_PER_SECOND + 100)]
    assert len({id(text) for text in texts}) == MAX_TEXTS_PER_SECOND
    now = 1.0
    assert (await ops.metrics(request)).body is not texts[-1]
