"""A port on loopback serves names of this machine only."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from runtime.http.local_hosts import LocalHosts, host_in, listens_on_loopback


@pytest.mark.parametrize(
    ("header", "host"),
    [
        *(("localhost:9820", "localhost"), ("[::1]:9820", "[::1]"), ("a.b", "a.b"), ("a:", "a")),
        *(("", None), ("a b", None), ("a:b", None), ("u@a", None), ("::1", None), ("a/b", None)),
    ],
)
def test_host_is_the_name_without_its_port(header: str, host: str | None) -> None:
    assert host_in(header) == host


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        *(("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.0.0.2", True)),
        *(("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("db1", False), ("", False)),
    ],
)
def test_only_loopback_is_local(address: str, is_local: bool) -> None:
    assert listens_on_loopback(address) is is_local


@pytest.mark.parametrize(
    ("listens_on", "host", "status"),
    [
        ("127.0.0.1", "localhost:9820", 200),
        ("127.0.0.1", "127.0.0.1", 200),
        ("127.0.0.1", "evil.com", 421),
        ("127.0.0.1", "localhost@evil.com", 421),
        ("0.0.0.0", "collector:9820", 200),
    ],
)
async def test_other_name_gets_421_on_loopback(listens_on: str, host: str, status: int) -> None:
    transport = httpx.ASGITransport(LocalHosts(PlainTextResponse("ok"), listens_on))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/healthz", headers={"Host": host})
        assert answer.status_code == status
