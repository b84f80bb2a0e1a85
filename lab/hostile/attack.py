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
_ECHO = re.compile(rb"^x-request-id: hostile-(\d+)\r$", re.MULTILINE | re.IGNORECASE)
_SENT = re.compile(rb"\r\nX-Request-ID: hostile-(\d+)\r\n")
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
                statuses.update(self._send([request.data]))
            while len(waiting) >= BATCH:
                waiting = self._send_batch(waiting, statuses)
        while waiting:
            waiting = self._send_batch(waiting, statuses)
        return statuses

    def _send_batch(self, batch: list[bytes], statuses: Counter[int]) -> list[bytes]:
        """Send requests on one connection; return those after the one that ended it."""
        found = self._send(batch)
        # Each answered request is done: an error or a stream ends the connection.
        assert found, f"no answer to {batch[0]!r}"
        assert len(found) <= len(batch), f"{len(found)} answers to {batch!r}"
        statuses.update(found)
        return batch[len(found) :]

    def _send(self, batch: list[bytes]) -> list[int]:
        """Return the statuses of the answers."""
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.settimeout(ANSWER_TIMEOUT)
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"".join(batch))
                connection.shutdown(socket.SHUT_WR)
            answer = read_to_end(connection)
        self._inspect(answer)
        _check_order(batch, answer)
        return statuses_of(answer)


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


def _check_order(batch: list[bytes], answer: bytes) -> None:
    """Assert that the answers are those of the requests, in their order."""
    sent = [int(number) for data in batch for number in _SENT.findall(data)]
    echoed = [int(number) for number in _ECHO.findall(answer)]
    rest = iter(sent)
    assert all(number in rest for number in echoed), f"{echoed} came back for {sent}"
