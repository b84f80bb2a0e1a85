"""The benchmarks' readers: whoever does not have every event, once, is found out."""

from __future__ import annotations

import socket
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from bench.peers.side_by_side import require_all
from bench.suite import MeasureFailed
from lab.sse.timing import Publication, Received, TimingReaders

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n"
LAGGED = b'data: {"symbol":"BTC/USD","kind":"lagged","missed":1,"reason":"slow"}\n\n'


def event(seq: int) -> bytes:
    return b'id: 1-%d\ndata: {"symbol":"BTC/USD","kind":"update","seq":%d,"epoch":1}\n\n' % (
        seq,
        seq,
    )


@contextmanager
def served(*pieces: bytes) -> Iterator[int]:
    """The port of a server that answers one reader with these pieces."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            reader, _ = listener.accept()
            with reader:
                reader.sendall(HEAD)
                for piece in pieces:
                    reader.sendall(piece)
                # Until the reader goes.
                while reader.recv(4096):
                    pass

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield listener.getsockname()[1]
    serving.join(10)


def what_came_of(count: int, *pieces: bytes) -> Received:
    """What a reader had of events 2 to 1 + `count`, once it has read all of `pieces`."""
    with served(*pieces) as port, TimingReaders(port, "/stream", 1) as readers:
        deadline = monotonic() + 10
        while readers.bytes < len(HEAD) - 12 + sum(map(len, pieces)):
            assert monotonic() < deadline, "not all was read"
            readers.take(0.1)
        return readers.received(Publication(2, array("d", [0.0] * count), 0.0))


def test_who_has_all_is_complete_however_the_bytes_are_cut() -> None:
    stream = b"".join(map(event, range(1, 7)))
    for size in (1, 7, 64, len(stream)):
        pieces = [stream[begin : begin + size] for begin in range(0, len(stream), size)]
        found = what_came_of(5, *pieces)
        assert (found.readers, found.complete, found.events) == (1, 1, 5)
        assert len(found.delays) == 5


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([event(1), event(2), event(4)], id="missed"),
        pytest.param([event(1), event(2), event(2), event(3), event(4)], id="twice"),
        pytest.param([event(1), event(2), LAGGED, event(4)], id="lagged"),
        pytest.param([event(1), event(2), event(3)], id="not the last"),
        pytest.param([event(3), event(4)], id="not the first"),
        pytest.param([], id="none"),
    ],
)
def test_who_has_not_is_not(pieces: list[bytes]) -> None:
    assert what_came_of(3, *pieces).complete == 0


def test_where_one_of_ours_missed_an_event_there_is_no_figure() -> None:
    require_all(Received(readers=3, complete=3))
    with pytest.raises(MeasureFailed, match="1 of 3 readers missed an event"):
        require_all(Received(readers=3, complete=2))
