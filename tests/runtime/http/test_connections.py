"""Connections near the limit of open files."""

from __future__ import annotations

import asyncio
from typing import cast
from unittest.mock import Mock

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from runtime.http.connections import Connections, Phase
from runtime.http.limits import HttpLimits

OPEN_FILES = 256
# 64 files are reserved for the service.
MAX_FILES = 192


class FakeConnection:
    """A connection with the newest descriptor if `used` files are open."""

    def __init__(self, used: int, *, is_streaming: bool = False) -> None:
        self.phase = Phase.HEAD
        self.is_streaming = is_streaming
        self.host = "192.0.2.1"
        transport = Mock(spec=asyncio.Transport)
        transport.get_extra_info.return_value.fileno.return_value = used - 1
        transport.is_closing.side_effect = lambda: self.is_closed
        self.transport = cast("asyncio.Transport", transport)
        self.mock = transport

    @property
    def is_closed(self) -> bool:
        return bool(self.mock.close.called or self.mock.abort.called)

    def expire(self) -> None:
        self.transport.abort()


@pytest.fixture
def connections() -> Connections:
    return Connections(HttpLimits(evict_seconds=0.0), OPEN_FILES)


def admit(
    connections: Connections, phase: Phase = Phase.HEAD, *, is_streaming: bool = False
) -> FakeConnection:
    connection = FakeConnection(10, is_streaming=is_streaming)
    assert connections.admit(connection)
    connections.move(connection, phase)
    return connection


def test_limit_reserves_files_for_the_service(connections: Connections) -> None:
    assert REGISTRY.get_sample_value("kraken_book_http_open_files_limit") == MAX_FILES
    connection = FakeConnection(MAX_FILES)
    assert connections.admit(connection)
    connections.move(connection, Phase.ANSWER)
    assert not connections.admit(FakeConnection(MAX_FILES + 1))


def test_longest_idle_connection_is_closed_for_a_new_one_near_the_limit(
    connections: Connections,
) -> None:
    idle = [admit(connections, Phase.IDLE) for _ in range(3)]
    busy = admit(connections, Phase.ANSWER)
    assert connections.admit(FakeConnection(MAX_FILES // 2))
    assert not any(connection.is_closed for connection in idle)
    for count in (1, 2, 3):
        assert connections.admit(FakeConnection(MAX_FILES - 1))
        assert [each.is_closed for each in idle] == [i < count for i in range(3)]
    assert not busy.is_closed


def test_slow_connections_are_closed_at_the_limit_and_streams_are_not(
    connections: Connections,
) -> None:
    stream = admit(connections, Phase.ANSWER, is_streaming=True)
    unread = admit(connections, Phase.ANSWER)
    for connection in (stream, unread):
        connections.block(connection)
    silent = admit(connections)
    for evicted in (silent, unread):
        newcomer = FakeConnection(MAX_FILES + 1)
        assert connections.admit(newcomer)
        connections.move(newcomer, Phase.ANSWER)
        assert [each.is_closed for each in (silent, unread)] == [True, evicted is unread]
        connections.remove(evicted)
    assert not connections.admit(FakeConnection(MAX_FILES + 1))
    assert not stream.is_closed


def test_burst_closes_only_as_many_idle_connections_as_necessary(connections: Connections) -> None:
    idle = [admit(connections, Phase.IDLE) for _ in range(100)]
    for used in range(MAX_FILES + 1, MAX_FILES + 31):
        assert connections.admit(FakeConnection(used))
    assert sum(each.is_closed for each in idle) == 30


def test_closed_refused_connection_does_not_make_room(connections: Connections) -> None:
    refused = [FakeConnection(used) for used in range(MAX_FILES + 1, MAX_FILES + 11)]
    for connection in refused:
        assert not connections.admit(connection)
    # The next client gets the lowest free descriptor; the other refused ones are above it.
    connections.remove(refused[0])
    assert not connections.admit(FakeConnection(MAX_FILES + 1))


def test_new_connection_is_not_closed_for_another() -> None:
    connections = Connections(HttpLimits(evict_seconds=60.0), OPEN_FILES)
    new = admit(connections)
    assert not connections.admit(FakeConnection(MAX_FILES + 1))
    assert not new.is_closed


def test_refused_connection_is_registered_only_if_there_is_room_for_the_refusal(
    connections: Connections,
) -> None:
    first, last = FakeConnection(MAX_FILES + 1), FakeConnection(OPEN_FILES)
    for connection in (first, last):
        assert not connections.admit(connection)
        assert connection.phase is Phase.ENDING
    assert first in connections
    assert last not in connections


def test_log_has_one_line_before_the_limit_and_one_at_the_limit(
    connections: Connections,
) -> None:
    with capture_logs() as lines:
        assert connections.admit(FakeConnection(140))
    assert lines == []
    with capture_logs() as lines:
        for _ in range(100):
            connections.admit(FakeConnection(180))
    (line,) = lines
    assert (line["event"], line["open_files_limit"]) == ("open files near limit", OPEN_FILES)

    full = Connections(HttpLimits(), OPEN_FILES, clock=lambda: 1000.0)
    with capture_logs() as lines:
        # No descriptor is closed in between.
        for used in range(MAX_FILES + 1, OPEN_FILES):
            assert not full.admit(FakeConnection(used))
    assert [line["event"] for line in lines] == ["open files near limit", "connection refused"]


def test_at_most_as_many_connections_as_allowed_are_served() -> None:
    connections = Connections(HttpLimits(max_connections=2), OPEN_FILES)
    idle = admit(connections, Phase.IDLE)
    busy = admit(connections, Phase.ANSWER)
    assert connections.admit(FakeConnection(12)), "an idle connection makes room"
    assert idle.is_closed
    with capture_logs() as lines:
        refused = [FakeConnection(13) for _ in range(5)]
        assert not any(connections.admit(each) for each in refused)
    assert [line["reason"] for line in lines] == ["as many connections as allowed"]
    assert not busy.is_closed
    # As many of the refused as may be served can read the refusal.
    assert sum(each in connections for each in refused) <= 2
    connections.remove(busy)
    assert connections.admit(FakeConnection(14))
