"""Open the socket that a service listens on, or take the one that the launcher opened."""

from __future__ import annotations

import contextlib
import errno
import os
import socket

LISTENER_VARIABLE = "KRAKEN_BOOK_LISTENER"
"""The environment variable with the descriptor of a listening socket that was inherited."""


class PortInUse(OSError):
    """The service cannot listen on its address; the message names the setting to change.

    Attributes:
        reason: The system's error text.
        in_use: Whether another socket listens on the address.
    """

    def __init__(self, message: str, reason: str = "", *, in_use: bool = True) -> None:
        super().__init__(message)
        self.reason = reason
        self.in_use = in_use


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Return a non-blocking socket that listens on `host` and `port`.

    Args:
        host: An IPv4 or IPv6 address, or a name that resolves to IPv4.
        port: The port; 0 for any free one.
        setting: The port's environment variable or option, for the error message.

    Raises:
        PortInUse: The socket cannot listen on the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, ValueError, TypeError) as error:  # the last two if `host` is no valid name
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise PortInUse(
            f"{setting}={port}: cannot listen on {host}:{port} ({reason});"
            f" set {setting} to a free port",
            reason,
            in_use=getattr(error, "errno", None) == errno.EADDRINUSE,
        ) from None
    listener.setblocking(False)
    return listener


def inherited_listener() -> socket.socket | None:
    """Return the listening socket that this process inherited, or None if there is none."""
    text = os.environ.get(LISTENER_VARIABLE, "")
    with contextlib.suppress(ValueError, OSError):
        listener = socket.socket(fileno=int(text))
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listener.setblocking(False)
            listener.set_inheritable(False)
            return listener
    return None
