"""Operator endpoints of the collector: /healthz, /readyz and /metrics."""

from __future__ import annotations

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from collector.report.readiness import LeadReadiness
from collector.report.reporter import Reporter
from kraken_book import __version__
from runtime.http.exposition import is_open_metrics, metrics_text
from runtime.http.local_hosts import LocalHosts


def make_ops_app(reporter: Reporter, readiness: LeadReadiness, listens_on: str) -> ASGIApp:
    """Return the app that serves the reporter's description, the readiness and the metrics.

    Args:
        reporter: Describes the collector.
        readiness: Tells whether the collector could lead.
        listens_on: The address that the server listens on; on loopback only local names are served.
    """

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__, **reporter.describe()})

    async def readyz(_request: Request) -> Response:
        reason = readiness.unready_reason()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse(
            {"status": "not ready", "reason": reason}, HTTPStatus.SERVICE_UNAVAILABLE
        )

    async def metrics(request: Request) -> Response:
        reporter.set_gauges()
        text, media_type = metrics_text(is_open=is_open_metrics(request.headers.get("accept", "")))
        return Response(text, media_type=media_type)

    endpoints = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    app = Starlette(routes=[Route(path, endpoint) for path, endpoint in endpoints.items()])
    return LocalHosts(app, listens_on)
