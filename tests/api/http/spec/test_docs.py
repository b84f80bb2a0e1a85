"""The page /docs, its files, and what it says without Swagger UI."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from api.http.operations import OF_READERS
from api.http.problems import Problem, on_problem
from api.http.spec.docs import FILES, find_swagger_ui, spec_routes
from tests.api.http.problem_check import assert_problem


def client_of(swagger_ui: Path | None) -> httpx.AsyncClient:
    app = Starlette(routes=spec_routes(swagger_ui), exception_handlers={Problem: on_problem})
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


async def test_docs_loads_only_relative_files_that_exist_and_has_a_strict_policy() -> None:
    async with client_of(find_swagger_ui()) as client:
        page = await client.get("/docs")
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; ")
        assert policy.endswith("; img-src 'self' data:")
        assert "unsafe" not in policy
        files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(files) >= 5
        for file in files:
            assert not file.startswith(("/", "http")), "relative, to work below any path"
            if not file.startswith("data:"):
                assert (await client.get(f"/{file}")).status_code == 200, file
        assert "<script>" not in page.text


async def test_docs_without_swagger_ui_says_what_to_install() -> None:
    async with client_of(None) as client:
        body = assert_problem(await client.get("/docs"), 404, "no-such-route")
        assert "pip install swagger-ui-bundle" in body["detail"]
        assert (await client.get("/openapi.json")).status_code == 200
        assert (await client.get("/docs/start.js")).status_code == 404


async def test_operator_endpoints_of_another_port_are_not_in_the_specification() -> None:
    app = Starlette(routes=spec_routes(None, OF_READERS))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert {"/depth/{symbol}", "/books"} <= paths.keys()
    assert not {"/healthz", "/readyz", "/metrics"} & paths.keys()


async def test_files_of_docs_are_revalidated() -> None:
    async with client_of(find_swagger_ui()) as client:
        file = await client.get("/docs/start.js")
        assert file.headers["cache-control"] == "no-cache"
        again = await client.get("/docs/start.js", headers={"If-None-Match": file.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize("path", ["/docs/../routes.py", "/docs/%2e%2e/docs.py", "/docs/ui/../../x"])
async def test_docs_serves_no_other_files(path: str) -> None:
    async with client_of(find_swagger_ui()) as client:
        assert (await client.get(path)).status_code == 404
    assert {each.suffix for each in FILES.iterdir()} == {".html", ".js", ".css"}
