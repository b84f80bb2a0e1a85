"""The faults of the proxy in front of Redis, seen from Redis and from its client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from redis import Redis

from lab.ports import free_port
from lab.proxy_faults import (
    CutAnswers,
    CutRequests,
    DelayAnswers,
    KeepRequest,
    LoseAnswers,
    Vanish,
)
from lab.redis_proxy import RedisProxy
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

# Two requests in one piece; a cut in the middle hits the second.
TWO = b"INCR number\r\nINCRBY number 10\r\n"


class Behind:
    """A Redis, its proxy, and clients that send raw bytes."""

    def __init__(self, undo: ExitStack) -> None:
        self._undo = undo
        self.redis = undo.enter_context(EmbeddedRedis(free_port()))
        self.proxy = undo.enter_context(RedisProxy(self.redis.port or 0))
        self.client: Any = undo.enter_context(Redis.from_url(self.redis.url))

    def connect(self) -> socket.socket:
        """Return a connection that has worked once."""
        port = int(self.proxy.url.rpartition(":")[2].partition("/")[0])
        client = self._undo.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        client.sendall(b"PING\r\n")
        assert client.recv(100) == b"+PONG\r\n"
        return client

    def number(self) -> int:
        """Return the counter in Redis."""
        return int(self.client.get("number") or 0)

    def wait_for_number(self, number: int) -> None:
        """Return when the counter in Redis has this value."""
        wait_until(lambda: self.number() == number, f"{number} is counted")


@pytest.fixture
def behind() -> Iterator[Behind]:
    with ExitStack() as undo:
        yield Behind(undo)


def assert_reset(client: socket.socket) -> None:
    with pytest.raises(ConnectionResetError):
        client.recv(100)


def test_proxy_passes_bytes_both_ways_and_cut_resets_every_connection(behind: Behind) -> None:
    clients = [behind.connect() for _ in range(3)]
    behind.proxy.cut()
    for client in clients:
        assert_reset(client)
    behind.connect()


def test_proxy_resets_client_if_redis_is_down(behind: Behind) -> None:
    behind.redis.kill()
    with pytest.raises(ConnectionResetError):
        behind.connect()


def test_proxy_loses_answer_after_redis_executed_request(behind: Behind) -> None:
    client = behind.connect()
    with behind.proxy.goes_wrong(LoseAnswers(chance=1)):
        client.sendall(TWO)
        assert_reset(client)
    assert behind.number() == 11
    behind.connect()


def test_redis_executes_complete_commands_of_cut_request(behind: Behind) -> None:
    client = behind.connect()
    with behind.proxy.goes_wrong(CutRequests(chance=1)):
        client.sendall(TWO)
        assert_reset(client)
    behind.wait_for_number(1)


def test_client_gets_beginning_of_cut_answer(behind: Behind) -> None:
    client = behind.connect()
    with behind.proxy.goes_wrong(CutAnswers(chance=1)):
        client.sendall(TWO)
        assert client.recv(100) == b":1\r\n"
        assert client.recv(100) == b""
    assert behind.number() == 11


def test_proxy_delays_answers(behind: Behind) -> None:
    client, patient = behind.connect(), behind.connect()
    client.settimeout(0.1)
    with behind.proxy.goes_wrong(DelayAnswers(3600)):
        client.sendall(TWO)
        behind.wait_for_number(11)
        with pytest.raises(TimeoutError):
            client.recv(100)
    with behind.proxy.goes_wrong(DelayAnswers(0.1)):
        patient.sendall(TWO)
        assert patient.recv(100) == b":12\r\n:22\r\n"


@pytest.mark.parametrize(("requests", "answers"), [(True, False), (False, True)])
def test_proxy_loses_bytes_of_one_direction_for_good(
    behind: Behind, requests: bool, answers: bool
) -> None:
    client = behind.connect()
    client.settimeout(0.1)
    with behind.proxy.goes_wrong(Vanish(requests=requests, answers=answers)):
        client.sendall(TWO)
        if not requests:
            behind.wait_for_number(11)
        with pytest.raises(TimeoutError):
            client.recv(100)
    client.sendall(TWO)
    with pytest.raises(TimeoutError):
        client.recv(100)
    assert behind.number() == (0 if requests else 22)
    behind.connect()


def test_proxy_delivers_held_request_late(behind: Behind) -> None:
    kept, client = behind.connect(), behind.connect()
    fault = KeepRequest(b"INCRBY")
    with behind.proxy.goes_wrong(fault):
        kept.sendall(TWO)
        assert_reset(kept)
        client.sendall(TWO)
        assert client.recv(100) == b":1\r\n:11\r\n"
        fault.let_it_come(behind.proxy)
    assert behind.number() == 22


def test_proxy_switches_to_another_redis(behind: Behind) -> None:
    client = behind.connect()
    with EmbeddedRedis(free_port()) as other:
        behind.proxy.lead_to(other.port or 0)
        assert_reset(client)
        behind.connect().sendall(TWO)
        there: Any = Redis.from_url(other.url)
        wait_until(lambda: there.get("number") == b"11", "the other Redis has counted")
        there.close()
    assert behind.number() == 0
