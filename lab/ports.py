"""Free ports, for servers that must know their port before they start, and an invalid port."""

from __future__ import annotations

import os
import random
import select
import socket
from typing import Self

# Below the range of ports that the kernel uses for outgoing connections.
PORTS = range(20_000, 32_000)
WORKER_VARIABLE = "TEST_WORKER"
"""The number of a worker of tests/workers.py, in its environment."""
# The most of these workers that have ports of their own.
SHARES = 16

# The ports that this process was given: each may be bound only later.
_given: set[int] = set()


def free_port() -> int:
    """Return a free port of 127.0.0.1, at random, that this process was not given before.

    Each worker of tests/workers.py has its own share of the ports. Otherwise two workers could be
    given the same port before either of them binds it.

    Raises:
        RuntimeError: 200 ports at random are all in use.
    """
    ports = _share_of(os.environ.get(WORKER_VARIABLE))
    if len(_given.intersection(ports)) > len(ports) // 2:
        _given.clear()
    for port in random.sample([each for each in ports if each not in _given], 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise RuntimeError(f"no free port found in {ports.start} to {ports.stop - 1}")


class InvalidPort:
    """A port above 65,535 that `getaddrinfo` takes for the port of a listener of this machine.

    A client that connects to 127.0.0.1 at `number` without checking it reaches the listener.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.number: int = self._listener.getsockname()[1] + (1 << 16)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def was_reached(self) -> bool:
        """Whether a client has connected."""
        return bool(select.select([self._listener], [], [], 0)[0])


def _share_of(worker: str | None) -> range:
    """Return the ports of the worker with this number; all ports if there is none."""
    if worker is None:
        return PORTS
    size = len(PORTS) // SHARES
    begin = int(worker) % SHARES * size
    return PORTS[begin : begin + size]
