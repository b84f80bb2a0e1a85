"""Free ports, for servers that must know their port before they start."""

from __future__ import annotations

import random
import socket

# Below the range of ports that the kernel uses for outgoing connections.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a free port of 127.0.0.1, at random, so that it is likely to stay free for a while.

    Raises:
        RuntimeError: 200 ports at random are all in use.

    """
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port found in {PORTS.start} to {PORTS.stop - 1}")
