"""Open the socket that a service listens on, or take over its launcher's."""

from __future__ import annotations

import contextlib
import errno
import os
import socket

LISTENER_VARIABLE = "KRAKEN_BOOK_LISTENER"
"""Names a listening socket, by its number, that this process was started with."""


class PortInUse(OSError):
    """Raised if the address cannot be listened on; the message names its setting.

    Attributes:
        reason: The system's words.
        in_use: Whether another listens there.

    """

    def __init__(self, message: str, reason: str = "", *, in_use: bool = True) -> None:
        super().__init__(message)
        self.reason = reason
        self.in_use = in_use


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Return a socket that listens on `host` and `port`.

    Raises:
        PortInUse: If it cannot, with a message that names the port's `setting`.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, ValueError, TypeError) as error:  # of a host that cannot be a name, too
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
    """Return the socket that the process was started with for this; None without one."""
    text = os.environ.get(LISTENER_VARIABLE, "")
    with contextlib.suppress(ValueError, OSError):
        listener = socket.socket(fileno=int(text))
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listener.setblocking(False)
            listener.set_inheritable(False)
            return listener
    return None
