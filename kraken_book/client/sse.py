"""A parser of Server-Sent Events with bounded memory.

The WHATWG defines the format: https://html.spec.whatwg.org/multipage/server-sent-events.html.
Existing parsers read lines from httpx, which buffers lines of any length and also splits them at
characters that JSON may contain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["MAX_BYTES", "EndlessMessage", "Message", "SseParser"]

# A snapshot with 1,000 levels per side has about 70 KiB.
MAX_BYTES = 1 << 20
# The id is sent back in a header, so an id that is not valid there is ignored.
_ID = re.compile(rb"[\x21-\x7e]{1,128}")
# The api's comment with the reason why a stream waits.
_WAITING = re.compile(rb": waiting: ([a-z-]{1,40})")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class EndlessMessage(Exception):
    """A message is longer than any that the api sends."""


class Message(NamedTuple):
    """One message. `id` and `retry` (milliseconds) are None if the message lacks them.

    A message without `data` is not an event: it only sets `retry`, the time to reconnect after.
    """

    id: str | None
    data: bytes
    retry: int | None


class SseParser:
    """Parse the chunks of a stream, which may be split anywhere, into messages."""

    def __init__(self) -> None:
        self.ends = 0
        """The number of messages and comments that have ended."""
        self.waits_for: str | None = None
        """The reason why the stream waits, from a comment; None after an event."""
        # The line and the size of the message that have not ended yet.
        self._rest = b""
        self._size = 0
        self._started = False
        self._id: str | None = None
        self._data: list[bytes] = []
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Yield the messages that end in `chunk`.

        Args:
            chunk: The next bytes of the stream.

        Yields:
            Each message that is complete.

        Raises:
            EndlessMessage: A message is longer than the limit.
        """
        for line in self._lines(chunk):
            if line:
                if line.startswith(b":"):
                    self.ends += 1
                    waiting = _WAITING.fullmatch(line)
                    self.waits_for = waiting[1].decode() if waiting else self.waits_for
                self._parse_line(line)
                continue
            self.ends += 1
            if self._data or self._retry is not None:
                yield Message(self._id, b"\n".join(self._data), self._retry)
            self._clear()
        if self._size + len(self._rest) > MAX_BYTES:
            raise EndlessMessage(f"a message of more than {MAX_BYTES} bytes")

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        text = self._rest + chunk
        if not self._started and len(text) >= 3:
            self._started, text = True, text.removeprefix(b"\xef\xbb\xbf")
        # After a CR at the end, the next chunk may begin with the LF of the same line end.
        held = b"\r" if text.endswith(b"\r") else b""
        *lines, rest = _LINE_END.split(text.removesuffix(held))
        self._rest = rest + held
        yield from lines

    def _parse_line(self, line: bytes) -> None:
        self._size += len(line)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self.waits_for = None
            self._data.append(value)
        elif name == b"id" and _ID.fullmatch(value):
            self._id = value.decode("ascii")
        elif name == b"retry" and value.isdigit() and len(value) < 10:
            self._retry = int(value)

    def _clear(self) -> None:
        self._id, self._data, self._retry, self._size = None, [], None, 0
