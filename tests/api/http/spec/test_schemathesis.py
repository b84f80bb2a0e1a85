"""Requests that schemathesis makes from the specification get answers that it declares.

Streams are asked with HEAD, because their answers do not end; `test_answers` has their events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from api.http.declared import EVENT_STREAM
from api.http.operations import OPERATIONS
from lab.written_books import snapshot, update
from runtime.redis.client import connect_redis
from tests.api.http.spec.strict import DOCUMENT
from tests.api.replica import EPOCH, Replica, Written

# Each worker imports this module, but only one runs its tests: schemathesis takes over a second.
if TYPE_CHECKING:
    from schemathesis import Case, Response
    from schemathesis.specs.openapi.schemas import OpenApiSchema

EXAMPLES = 5
Mode = Literal["positive", "negative"]
MODES: tuple[Mode, ...] = ("positive", "negative")
# Requests that are valid, and, for routes with parameters, ones that are not.
REQUESTS = [
    (each.id, mode)
    for each in OPERATIONS
    for mode in MODES
    if each.parameters or mode == "positive"
]
CONFIG = {
    "base-url": "http://replica",
    # 404 for a symbol, 405 for a method.
    "checks": {"negative_data_rejection": {"expected-statuses": ["400", "404", "405", "414"]}},
}


@pytest.fixture(scope="module")
def schema() -> OpenApiSchema:
    import schemathesis
    from schemathesis import Config

    return schemathesis.openapi.from_dict(DOCUMENT, config=Config.from_dict(CONFIG))


class Service:
    """A replica with one book, whose requests run in a loop of its own."""

    def __init__(self, redis_url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._redis_url = redis_url

    async def _start(self) -> None:
        self._redis = connect_redis(self._redis_url)
        written = Written(self._redis)
        await written.symbol("BTC/USD")
        await written.book(EPOCH, snapshot(1), update(2))
        self._client = Replica(self._redis, max_age=3600.0).client()

    async def _stop(self) -> None:
        await self._client.aclose()
        await self._redis.aclose()

    def __enter__(self) -> Service:
        self._loop.run_until_complete(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    def answer(self, case: Case[Any]) -> Response:
        """Return the answer to a request; to HEAD if it opens a stream."""
        from schemathesis import Response

        answer = None
        declared = case.operation.definition.raw["responses"].get("200", {}).get("content", ())
        if case.method == "GET" and EVENT_STREAM in declared:
            answer = self._send("HEAD", case)
        if answer is None or answer.status_code != 200:
            answer = self._send(case.method, case)
        answer.elapsed = timedelta(0)
        return Response.from_httpx(answer, verify=False)

    def _send(self, method: str, case: Case[Any]) -> httpx.Response:
        import requests

        prepared = requests.Request(**case.as_transport_kwargs()).prepare()
        # The codings that requests offers are not those that httpx decodes.
        prepared.headers["Accept-Encoding"] = "identity"
        headers = [
            (name.encode("latin-1"), value if isinstance(value, bytes) else value.encode("latin-1"))
            for name, value in prepared.headers.items()
        ]
        request = httpx.Request(method, str(prepared.url), headers=headers)
        return self._loop.run_until_complete(self._client.send(request))


@pytest.fixture
def service(fake_redis_url: str) -> Iterator[Service]:
    with Service(fake_redis_url) as started:
        yield started


# Not `schema.parametrize`, which makes requests while tests are collected, in each worker.
@pytest.mark.parametrize(("operation_id", "mode"), REQUESTS)
def test_answers_are_as_declared(
    service: Service, schema: OpenApiSchema, operation_id: str, mode: Mode
) -> None:
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    operation = schema.find_operation_by_id(operation_id)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=GenerationMode(mode)))
    def check(case: Case[Any]) -> None:
        # OpenAPI cannot say that two parameters exclude each other or are in order, or that an api
        # without keys has no tickets.
        given = set(case.query or ())
        is_excluded = (
            {"view", "levels"} <= given
            or len({"from", "after", "to"} & given) > 1
            or operation_id == "postTicket"
        )
        excluded: list[Any] = [positive_data_acceptance] if is_excluded else []
        case.validate_response(service.answer(case), excluded_checks=excluded)

    check()
