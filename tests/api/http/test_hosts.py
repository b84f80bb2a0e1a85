"""Requests whose Host header names another site are refused."""

from __future__ import annotations

from typing import Any

import pytest

from api.http.hosts import HostCheck
from api.http.proxies import TrustedProxies
from api.http.routes import Site
from api.http.web_settings import AllowedHosts
from runtime.redis.exchange import RedisNode
from tests.api.http.problem_check import assert_problem
from tests.api.replica import Replica

PROXIES = TrustedProxies.parse("10.0.0.0/8")


def scope(*hosts: str, client: str = "127.0.0.1") -> dict[str, Any]:
    headers = [(b"host", host.encode()) for host in hosts]
    return {"type": "http", "headers": headers, "client": (client, 1)}


@pytest.mark.parametrize("listens_on", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_api_on_loopback_serves_local_names_only(listens_on: str) -> None:
    check = HostCheck(None, listens_on)
    assert check.refusal(scope("localhost:3000")) is None
    refusal = check.refusal(scope("evil.com:3000"))
    assert refusal is not None
    assert (refusal.status, refusal.code) == (421, "wrong-host")
    assert "API_HOSTS" in refusal.detail


@pytest.mark.parametrize("listens_on", ["10.0.0.5", "192.168.1.2", "books.example.com"])
def test_api_on_another_address_serves_every_host(listens_on: str) -> None:
    assert HostCheck(None, listens_on).refusal(scope("evil.com")) is None


@pytest.mark.parametrize("listens_on", ["0.0.0.0", "::"])
def test_api_on_all_addresses_serves_every_host(listens_on: str) -> None:
    assert HostCheck(None, listens_on).refusal(scope("books.example.com")) is None


def test_trusted_proxy_may_pass_any_host_on_unless_hosts_are_set() -> None:
    by_default = HostCheck(None, "127.0.0.1", PROXIES)
    assert by_default.refusal(scope("books.example.com", client="10.0.0.1")) is None
    assert by_default.refusal(scope("books.example.com", client="127.0.0.1")) is not None
    chosen = HostCheck(AllowedHosts.parse("books.example.com"), "127.0.0.1", PROXIES)
    assert chosen.refusal(scope("books.example.com", client="10.0.0.1")) is None
    assert chosen.refusal(scope("evil.com", client="10.0.0.1")) is not None


def test_set_hosts_count_on_every_address() -> None:
    check = HostCheck(AllowedHosts.parse("books.example.com"), "0.0.0.0")
    assert check.refusal(scope("evil.com")) is not None
    assert check.refusal(scope("localhost:3000")) is None


def test_request_without_host_is_served() -> None:
    assert HostCheck(None, "127.0.0.1").refusal(scope()) is None


def test_two_host_headers_are_refused_although_any_host_is_allowed() -> None:
    refusal = HostCheck.of_any_host().refusal(scope("localhost", "localhost"))
    assert refusal is not None
    assert (refusal.status, refusal.code) == (400, "bad-host")


async def test_refused_host_gets_a_problem_on_every_route(redis: RedisNode) -> None:
    replica = Replica(redis, site=Site(hosts=HostCheck(None, "127.0.0.1")))
    async with replica.client() as client:
        for path in ("/books", "/stream/BTC/USD", "/", "/metrics", "/nothing"):
            assert_problem(await client.get(path), 421, "wrong-host")
            answer = await client.get(path, headers={"Host": "localhost:3000"})
            assert answer.status_code != 421
