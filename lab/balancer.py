"""A minimal load balancer: round robin over the replicas that answer 200 to /readyz.

If a replica cannot be reached or closes the connection before it sends a byte, the request goes to
the next replica, as with other balancers. A connection carries one request. With a `prefix` such as
`/kraken` the balancer serves the replicas under that path and answers other paths with 404. It
removes the prefix from the requests, or keeps it.
"""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from lab.services import Api

READINESS_INTERVAL = 0.05
HEAD_END = b"\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Balancer:
    """A load balancer that listens at `url` until the context ends.

    Attributes:
        ready: The ports of the ready replicas.
        answers: The number of answers to clients, by status.

    """

    def __init__(
        self, replicas: Sequence[Api], prefix: str = "", *, keeps_prefix: bool = False
    ) -> None:
        self.ready: set[int] = set()
        self.answers: Counter[str] = Counter()
        self._replicas = replicas
        self._ports = [replica.port for replica in replicas]
        self._prefix = prefix.encode()
        self._keeps_prefix = keeps_prefix
        self._request_numbers = itertools.count()
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        for work in (self._accept, self._poll_readiness):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.close()

    def _poll_readiness(self) -> None:
        while not self._ended.wait(READINESS_INTERVAL):
            self.ready = {each.port for each in self._replicas if is_ready(each.ops_port)}

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while HEAD_END not in head:
                read = client.recv(65536)
                if not read:
                    return
                head += read
            if self._prefix:
                head = self._behind_prefix(head)
            if not head:
                self._refuse(client, NOT_FOUND)
            elif not any(self._forward(client, head, port) for port in self._ports_in_turn()):
                self._refuse(client, BAD_GATEWAY)

    def _refuse(self, client: socket.socket, answer: bytes) -> None:
        self.answers[status_of(answer)] += 1
        client.sendall(answer)

    def _behind_prefix(self, head: bytes) -> bytes:
        """Return the head of the request to a replica; empty if the path lacks the prefix."""
        method, target, rest = head.split(b" ", 2)
        if not target.startswith(self._prefix + b"/"):
            return b""
        line, _, fields = rest.partition(b"\r\n")
        if not self._keeps_prefix:
            target = target.removeprefix(self._prefix)
        # A connection carries one request, so the replica must close it after the answer.
        return b"%b %b %b\r\nConnection: close\r\n%b" % (
            method,
            target,
            line,
            fields.replace(b"Connection: keep-alive\r\n", b""),
        )

    def _ports_in_turn(self) -> list[int]:
        first = next(self._request_numbers)
        ports = [port for port in self._ports if port in self.ready]
        return [ports[(first + offset) % len(ports)] for offset in range(len(ports))]

    def _forward(self, client: socket.socket, head: bytes, port: int) -> bool:
        """Forward the request to a replica; return whether the replica answered."""
        answered = False
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as replica:
            replica.settimeout(60)
            replica.sendall(head)
            while data := replica.recv(65536):
                if not answered:
                    self.answers[status_of(data)] += 1
                answered = True
                client.sendall(data)
        return answered


def status_of(answer: bytes) -> str:
    """Return the HTTP status of an answer."""
    return answer.split(maxsplit=2)[1].decode()


def is_ready(port: int, path: str = "/readyz") -> bool:
    """Return whether a replica's readiness check answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
