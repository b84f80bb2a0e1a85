"""A time limit for a whole answer that is read without asyncio."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore

__all__ = ["AnswerTimer"]


class AnswerTimer:
    """Shuts down a blocking connection when a phase takes too long.

    httpx only limits silence, so an answer that trickles in would never end.
    """

    def __init__(self) -> None:
        self.has_expired = False
        self._stream: httpcore.NetworkStream | None = None

    def trace(self, _event: str, info: dict[str, Any]) -> None:
        """Remember the connection; a callback for httpcore's `trace` extension."""
        stream = info.get("return_value")
        if isinstance(stream, httpcore.NetworkStream):
            self._stream = stream
            if self.has_expired:
                self._shut_down()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Shut down the connection if the body of the `with` takes more than `seconds`."""
        self.has_expired = False
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self.has_expired = True
        self._shut_down()

    def _shut_down(self) -> None:
        connection = self._stream.get_extra_info("socket") if self._stream else None
        if isinstance(connection, socket.socket):
            with suppress(OSError):
                # Shut down the bare socket even under TLS, because the other thread reads from the
                # TLS object.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
