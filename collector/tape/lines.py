"""The lines of a tape: `<Unix ns> <frame>`, or `<Unix ns> !<word> <JSON>`.

docs/recordings.md describes them. A frame that a line cannot hold as it is becomes base64.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

# A received frame that begins like another kind of line is written as base64 too.
_MARKS = (b">", b"!")


def received_lines(time_ns: int, frames: Sequence[bytes]) -> bytes:
    """Return the lines of frames that were read from the socket together.

    Args:
        time_ns: The time of the read, Unix nanoseconds.
        frames: The frames in order.
    """
    begin = b"%d " % time_ns
    lines = begin + (b"\n" + begin).join(frames) + b"\n"
    # One check for all lines: nearly every frame is text in one line.
    if (
        lines.count(b"\n") == len(frames)
        and b"\r" not in lines
        and not any(begin + mark in lines for mark in _MARKS)
        and _is_utf8(lines)
    ):
        return lines
    return b"".join(_received_line(begin, frame) for frame in frames)


def sent_line(time_ns: int, frame: bytes) -> bytes:
    """Return the line of a frame that was sent."""
    if _fits_in_line(frame):
        return b"%d >%b\n" % (time_ns, frame)
    return b"%d !sent-base64 %b\n" % (time_ns, b64encode(frame))


def opened_line(time_ns: int, url: str, connection: str, version: str) -> bytes:
    """Return the line of a connection that was opened.

    Args:
        time_ns: Unix nanoseconds.
        url: The address; its user, password and query are left out.
        connection: The name of the connection.
        version: The version of the collector.
    """
    said = {"url": public_url(url), "connection": connection, "version": version}
    return _word_line(time_ns, b"opened", said)


def closed_line(time_ns: int, reason: str) -> bytes:
    """Return the line of a connection that has ended."""
    return _word_line(time_ns, b"closed", {"reason": reason})


def dropped_line(time_ns: int, frames: int, size: int) -> bytes:
    """Return the line of frames that are missing before it.

    Args:
        time_ns: Unix nanoseconds.
        frames: The number of the missing frames.
        size: Their bytes.
    """
    return _word_line(time_ns, b"dropped", {"frames": frames, "bytes": size})


def public_url(url: str) -> str:
    """Return an address without the parts that may be secret: user, password, query, fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def _received_line(begin: bytes, frame: bytes) -> bytes:
    if _fits_in_line(frame) and not frame.startswith(_MARKS):
        return begin + frame + b"\n"
    return begin + b"!base64 " + b64encode(frame) + b"\n"


def _word_line(time_ns: int, word: bytes, value: Mapping[str, object]) -> bytes:
    return b"%d !%b %b\n" % (time_ns, word, msgspec.json.encode(value))


def _fits_in_line(frame: bytes) -> bool:
    return b"\n" not in frame and b"\r" not in frame and _is_utf8(frame)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
