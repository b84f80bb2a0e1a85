"""Open the sockets that services listen on before anything starts, so that ports stay free.

A service inherits its socket from the launcher, so no other program can take the port between the
look and the start.
"""

from __future__ import annotations

import socket

from launcher.errors import CannotStartError
from launcher.terminal import say
from runtime.listening import PortInUse, listen

# After the usual port these are tried; then any.
NEIGHBOURS = 20


def open_listener(host: str, port: int, variable: str, *, fixed: bool) -> socket.socket:
    """Return a socket that listens on `port`, or, if it is in use and not `fixed`, on another.

    Args:
        host: The address to listen on.
        port: The port that is wanted.
        variable: The setting that names the port.
        fixed: Whether somebody asked for this very port.

    Raises:
        CannotStartError: If the address cannot be listened on.

    """
    try:
        return listen(host, port, variable)
    except PortInUse as error:
        taken = error
    if not taken.in_use:
        raise CannotStartError(f"port {port} on {host} cannot be used ({taken.reason})")
    other = _next_free(host, port, variable)
    number = port_of(other)
    if fixed:
        other.close()
        raise CannotStartError(
            f"port {port} on {host} is in use; choose another: make run {variable}={number}"
        )
    say(f"port {port} on {host} is in use: using {variable}={number}")
    return other


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    number: int = listener.getsockname()[1]
    return number


def _next_free(host: str, port: int, variable: str) -> socket.socket:
    for other in range(port + 1, min(port + NEIGHBOURS, 65_535) + 1):
        try:
            return listen(host, other, variable)
        except PortInUse:
            continue
    return listen(host, 0, variable)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return port_of(probe)
