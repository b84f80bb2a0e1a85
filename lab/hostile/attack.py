"""Send hostile requests over several connections, pipelined, and collect the answers."""

from __future__ import annotations

import contextlib
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from lab.hostile.requests import HostileRequest, RequestMaker

BATCH = 40
ANSWER_TIMEOUT = 30.0
_READ_BYTES = 256 * 1024

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_ECHO = re.compile(rb"\r\nx-request-id: hostile-(\d+)\r\n")
_SENT = re.compile(rb"hostile-(\d+)")
_STREAM = b"content-type: text/event-stream"


class Attack:
    """Sends the requests of some makers, each in a thread of its own.

    Args:
        port: The port of the api on 127.0.0.1.
        count: The number of requests of each maker.
        makers: They draw the requests.
        inspect: Called with everything that comes back on a connection.
    """

    def __init__(
        self,
        port: int,
        count: int,
        makers: list[RequestMaker],
        inspect: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._port = port
        self._count = count
        self._makers = makers
        self._inspect = inspect

    def run(self) -> Counter[int]:
        """Send everything, and fail if a valid request has no answer, or the answer of another.

        Returns:
            The number of answers with each status.

        """
        with ThreadPoolExecutor(len(self._makers)) as threads:
            return sum(threads.map(self._send_all, self._makers), Counter())

    def _send_all(self, maker: RequestMaker) -> Counter[int]:
        statuses: Counter[int] = Counter()
        waiting: list[bytes] = []
        for request in _drawn(maker, self._count):
            if request.is_http:
                waiting.append(request.data)
            else:
                statuses.update(statuses_of(self._send(request.data)))
            while len(waiting) >= BATCH:
                waiting = self._send_batch(waiting, statuses)
        while waiting:
            waiting = self._send_batch(waiting, statuses)
        return statuses

    def _send_batch(self, batch: list[bytes], statuses: Counter[int]) -> list[bytes]:
        """Send requests on one connection; return those after the one that ended it."""
        answer = self._send(b"".join(batch))
        found = statuses_of(answer)
        # An error of HTTP, or a stream, ends the connection: the others are sent again.
        assert 0 < len(found) <= len(batch), f"{len(found)} answers to {batch!r}"
        sent = [_SENT.findall(data)[0] for data in batch]
        echoed = _ECHO.findall(answer)
        assert echoed == sent[: len(echoed)], f"answers to {echoed} came for {sent}"
        assert len(echoed) >= len(found) - 1, f"an answer names no request: {answer!r}"
        statuses.update(found)
        return batch[len(found) :]

    def _send(self, data: bytes) -> bytes:
        """Return everything that comes back on a new connection."""
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.settimeout(ANSWER_TIMEOUT)
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            answer = read_to_end(connection)
        self._inspect(answer)
        return answer


def statuses_of(answer: bytes) -> list[int]:
    """Return the statuses of all answers on a connection."""
    return [int(status) for status in _STATUS.findall(answer)]


def _drawn(maker: RequestMaker, count: int) -> Iterator[HostileRequest]:
    for _ in range(count):
        yield maker.next()


def read_to_end(connection: socket.socket) -> bytes:
    """Return everything up to the end of the connection, or to the first event of a stream."""
    came = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(_READ_BYTES):
            came += part
            if _STREAM in came:
                break
    return came
