"""When a process runs out of files, connections make room, and the log says so."""

from __future__ import annotations

import asyncio
from typing import cast
from unittest.mock import Mock

import pytest
from structlog.testing import capture_logs

from runtime.http.connections import Connections, Phase
from runtime.http.limits import HttpLimits
from runtime.http.metrics import HTTP_OPEN_FILES_LIMIT

OPEN_FILES = 256
# 64 are kept for the service itself.
MAX_FILES = 192


class FakeConnection:
    """A connection whose descriptor says how many files are open."""

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


def admitted(
    connections: Connections, phase: Phase = Phase.HEAD, *, is_streaming: bool = False
) -> FakeConnection:
    connection = FakeConnection(10, is_streaming=is_streaming)
    assert connections.admit(connection)
    connections.move(connection, phase)
    return connection


def test_limit_leaves_files_to_the_service(connections: Connections) -> None:
    (metric,) = HTTP_OPEN_FILES_LIMIT.collect()
    assert metric.samples[0].value == MAX_FILES
    connection = FakeConnection(MAX_FILES)
    assert connections.admit(connection)
    connections.move(connection, Phase.ANSWER)
    assert not connections.admit(FakeConnection(MAX_FILES + 1))


def test_idle_connections_make_room_before_the_limit_the_longest_idle_first(
    connections: Connections,
) -> None:
    idle = [admitted(connections, Phase.IDLE) for _ in range(3)]
    busy = admitted(connections, Phase.ANSWER)
    assert connections.admit(FakeConnection(MAX_FILES // 2))
    assert not any(connection.is_closed for connection in idle)
    for count in (1, 2, 3):
        assert connections.admit(FakeConnection(MAX_FILES - 1))
        assert [each.is_closed for each in idle] == [i < count for i in range(3)]
    assert not busy.is_closed


def test_at_the_limit_slow_clients_make_room_and_streams_stay(connections: Connections) -> None:
    stream = admitted(connections, Phase.ANSWER, is_streaming=True)
    unread = admitted(connections, Phase.ANSWER)
    for connection in (stream, unread):
        connections.block(connection)
    silent = admitted(connections)
    for made_room in (silent, unread):
        newcomer = FakeConnection(MAX_FILES + 1)
        assert connections.admit(newcomer)
        connections.move(newcomer, Phase.ANSWER)
        assert [each.is_closed for each in (silent, unread)] == [True, made_room is unread]
        connections.remove(made_room)
    assert not connections.admit(FakeConnection(MAX_FILES + 1))
    assert not stream.is_closed


def test_burst_closes_no_more_idle_connections_than_it_needs(connections: Connections) -> None:
    idle = [admitted(connections, Phase.IDLE) for _ in range(100)]
    for used in range(MAX_FILES + 1, MAX_FILES + 31):
        assert connections.admit(FakeConnection(used))
    assert sum(each.is_closed for each in idle) == 30


def test_refused_client_that_leaves_makes_no_room_below_it(connections: Connections) -> None:
    refused = [FakeConnection(used) for used in range(MAX_FILES + 1, MAX_FILES + 11)]
    for connection in refused:
        assert not connections.admit(connection)
    # Its file is given to the next client; the others' are above it.
    connections.remove(refused[0])
    assert not connections.admit(FakeConnection(MAX_FILES + 1))


def test_new_clients_are_safe_from_making_room() -> None:
    connections = Connections(HttpLimits(evict_seconds=60.0), OPEN_FILES)
    new = admitted(connections)
    assert not connections.admit(FakeConnection(MAX_FILES + 1))
    assert not new.is_closed


def test_refused_connection_is_kept_only_while_there_is_room_to_tell_it(
    connections: Connections,
) -> None:
    told, untold = FakeConnection(MAX_FILES + 1), FakeConnection(OPEN_FILES)
    for connection in (told, untold):
        assert not connections.admit(connection)
        assert connection.phase is Phase.ENDING
    assert told in connections
    assert untold not in connections


def test_log_tells_the_limit_before_it_is_reached_and_repeats_nothing(
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
        # In one turn of the loop, in which no file is given back.
        for used in range(MAX_FILES + 1, OPEN_FILES):
            assert not full.admit(FakeConnection(used))
    assert [line["event"] for line in lines] == ["open files near limit", "connection refused"]
