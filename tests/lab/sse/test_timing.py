"""The timing readers of benchmarks detect every reader that does not get each event once."""

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
    """Serve these pieces to one reader until the context ends; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            reader, _ = listener.accept()
            with reader:
                reader.sendall(HEAD)
                for piece in pieces:
                    reader.sendall(piece)
                # Wait until the reader disconnects.
                while reader.recv(4096):
                    pass

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield listener.getsockname()[1]
    serving.join(10)


def received_of(count: int, *pieces: bytes) -> Received:
    """Return the figures of a reader of events 2 to 1 + `count` that has read all of `pieces`."""
    with served(*pieces) as port, TimingReaders(port, "/stream", 1) as readers:
        deadline = monotonic() + 10
        while readers.bytes < len(HEAD) - 12 + sum(map(len, pieces)):
            assert monotonic() < deadline, "the reader has not read all pieces"
            readers.take(0.1)
        return readers.received(Publication(2, array("d", [0.0] * count), 0.0))


STREAM = b"".join(map(event, range(1, 7)))


@pytest.mark.parametrize("size", [1, 7, 64, len(STREAM)])
def test_reader_of_all_events_is_complete_for_any_size_of_pieces(size: int) -> None:
    pieces = [STREAM[begin : begin + size] for begin in range(0, len(STREAM), size)]
    found = received_of(5, *pieces)
    assert (found.readers, found.complete, found.events) == (1, 1, 5)
    assert len(found.delays) == 5


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([event(1), event(2), event(4)], id="missing event"),
        pytest.param([event(1), event(2), event(2), event(3), event(4)], id="repeated event"),
        pytest.param([event(1), event(2), LAGGED, event(4)], id="lagged"),
        pytest.param([event(1), event(2), event(3)], id="no last event"),
        pytest.param(
            [event(1) + event(2), b":".ljust(len(event(3)) - 2) + b"\n\n" + event(4)],
            id="comment in the place of an event, in a piece of the size of the one before",
        ),
        pytest.param([event(3), event(4)], id="no first event"),
        pytest.param([], id="no events"),
    ],
)
def test_reader_without_all_events_is_incomplete(pieces: list[bytes]) -> None:
    assert received_of(3, *pieces).complete == 0


def test_side_by_side_fails_if_a_reader_missed_an_event() -> None:
    require_all(Received(readers=3, complete=3))
    with pytest.raises(MeasureFailed, match="1 of 3 readers missed an event"):
        require_all(Received(readers=3, complete=2))
