"""The collector's HTTP endpoint: is it alive, and its figures."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def make_ops_app(describe: Callable[[], dict[str, object]]) -> Starlette:
    """`/healthz` answers with what `describe` says, `/metrics` with Prometheus's text."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok", **describe()})

    async def metrics(_request: Request) -> Response:
        describe()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", metrics)])
