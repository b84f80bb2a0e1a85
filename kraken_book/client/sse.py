"""Server-Sent Events: from the bytes of a stream to its messages, at a bounded cost.

The format is the WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html). The
parser is our own because the known ones take lines from httpx, which keeps a line of any length and
ends lines at characters that JSON may hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# A snapshot of 1,000 levels a side has some 70 KiB.
MAX_BYTES = 1 << 20
# An id is sent back in a header, so one that a header cannot hold is none.
_ID = re.compile(rb"[\x21-\x7e]{1,128}")
# The api's word, in a comment, for what a stream waits for.
_WAITING = re.compile(rb": waiting: ([a-z-]{1,40})")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class EndlessMessage(Exception):
    """A message is longer than any that the api sends."""


class Message(NamedTuple):
    """One message; `id` and `retry` (milliseconds) are None if it has none.

    One without `data` is no event: it tells when to come back.
    """

    id: str | None
    data: bytes
    retry: int | None


class SseParser:
    """Takes a stream's bytes as they come, cut anywhere, and gives its messages."""

    def __init__(self) -> None:
        self.ends = 0
        """Number of messages and comments that have ended: bytes alone prove nothing."""
        self.waits_for: str | None = None
        """Reason of a wait, as a comment names it; None once an event has come."""
        # The line that has not ended yet, and the size of the message that has not.
        self._rest = b""
        self._size = 0
        self._started = False
        self._id: str | None = None
        self._data: list[bytes] = []
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Yield the messages that end in `chunk`.

        Raises:
            EndlessMessage: A message grows too long.
        """
        for line in self._lines(chunk):
            if line:
                if line.startswith(b":"):
                    self.ends += 1
                    waiting = _WAITING.fullmatch(line)
                    self.waits_for = waiting[1].decode() if waiting else self.waits_for
                self._take(line)
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
        # What ends with CR may go on with the LF of the same line end.
        held = b"\r" if text.endswith(b"\r") else b""
        *lines, rest = _LINE_END.split(text.removesuffix(held))
        self._rest = rest + held
        yield from lines

    def _take(self, line: bytes) -> None:
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
