"""A port on loopback serves names of this machine only."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from runtime.http.local_hosts import LocalHosts


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
