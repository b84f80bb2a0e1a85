"""Serve the specifications, and the page /docs that shows one with Swagger UI."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount

from api.http.declared import Operation, serve
from api.http.files import PAGE_HEADERS, PageFiles
from api.http.operations import ASYNCAPI, DOCS, OPENAPI, OPERATIONS
from api.http.problems import Problem
from api.http.spec.asyncapi import asyncapi_document
from api.http.spec.openapi import openapi_document
from api.http.web_headers import PAGE_POLICY

FILES = Path(__file__).parent / "docs_page"
# Swagger UI has pictures in its styles.
DOCS_HEADERS = {
    **PAGE_HEADERS,
    "Content-Security-Policy": f"{PAGE_POLICY}; img-src 'self' data:",
}
INSTALL = "pip install swagger-ui-bundle"


def find_swagger_ui() -> Path | None:
    """Return the folder of Swagger UI, None if swagger-ui-bundle is not installed."""
    try:
        from swagger_ui_bundle import swagger_ui_path  # noqa: PLC0415 - may be missing
    except ImportError:
        return None
    return Path(str(swagger_ui_path))


def spec_routes(
    swagger_ui: Path | None, operations: tuple[Operation, ...] = OPERATIONS
) -> list[BaseRoute]:
    """Return the routes of the specifications and of their page.

    Args:
        swagger_ui: The folder of Swagger UI; None if it is not installed.
        operations: The operations that are served.
    """

    async def openapi(_request: Request) -> Response:
        return _document(_openapi(operations))

    async def docs(_request: Request) -> Response:
        if swagger_ui is None:
            raise Problem(
                404,
                "no-such-route",
                f"/docs needs the package swagger-ui-bundle: {INSTALL}. Without it, see"
                " /openapi.json",
            )
        return FileResponse(FILES / "index.html", headers=DOCS_HEADERS)

    files: list[BaseRoute] = []
    if swagger_ui is not None:
        files = [
            Mount("/docs/ui", PageFiles(directory=swagger_ui)),
            Mount("/docs", PageFiles(directory=FILES)),
        ]
    return [serve(OPENAPI, openapi), serve(ASYNCAPI, asyncapi), serve(DOCS, docs), *files]


async def asyncapi(_request: Request) -> Response:
    """Answer with the specification of the streams."""
    return _document(_asyncapi())


# Made at the first request, because that takes some milliseconds.
@cache
def _openapi(operations: tuple[Operation, ...]) -> bytes:
    return msgspec.json.encode(openapi_document(operations))


@cache
def _asyncapi() -> bytes:
    return msgspec.json.encode(asyncapi_document())


def _document(body: bytes) -> Response:
    return Response(body, 200, {"Cache-Control": "no-cache"}, "application/json")
