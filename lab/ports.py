"""Ports for servers that must know their port before they start."""

from __future__ import annotations

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free and, chosen at random, stays so for a while."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
