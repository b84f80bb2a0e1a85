"""Which ports are free, asked before anything starts, so that a clash is one clear line."""

from __future__ import annotations

import errno
import socket

from launcher.errors import CannotStartError
from launcher.terminal import say


def why_not_bindable(host: str, port: int) -> str | None:
    """Why a server could not listen there, in words; None if it could."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: connections of one that just ended do not hold the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} on {host} is in use"
        return f"port {port} on {host} cannot be used ({error.strerror})"
    return None


def require_port(host: str, port: int, variable: str) -> None:
    """Raise CannotStartError where `port`, which `variable` sets, cannot be listened on."""
    if reason := why_not_bindable(host, port):
        other = port + 1 if port < 65535 else port - 1
        raise CannotStartError(f"{reason}; choose another: make run {variable}={other}")


def choose_port(host: str, port: int, variable: str, *, fixed: bool) -> int:
    """`port` where it is free; else, unless it is `fixed`, another, with a line that says so."""
    if fixed:
        require_port(host, port, variable)
    reason = why_not_bindable(host, port)
    if reason is None:
        return port
    other = free_port()
    say(f"{reason}: using {variable}={other}")
    return other


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
