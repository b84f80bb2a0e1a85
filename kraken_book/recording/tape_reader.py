"""Read the lines of a tape: what a venue sent and was sent, with the time of each frame.

    for line in read_tape(Path("13-connection-1-130000.000412.tape.zst")):
        match line:
            case Received(time_ns, frame):
                ...

It reads `.tape`, `.tape.zst`, `.tape.zst.partial` and `.jsonl` files, a piece at a time.
docs/recordings.md describes the format.
"""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from kraken_book.errors import DamagedRecording

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Closed", "Dropped", "Opened", "Received", "Sent", "TapeLine", "read_tape"]

_PIECE_BYTES = 128 * 1024
# The largest message that a collector accepts has 16 MiB; base64 needs a third more.
_MAX_LINE_BYTES = 24 * 2**20
_LINE = re.compile(rb"(\d{1,19}) (.*)", re.DOTALL)
_WORD = re.compile(rb"!([a-z0-9-]+) (.+)", re.DOTALL)
_COMPRESSED = (".tape.zst", ".tape.zst.partial")
_PLAIN = (".tape",)
_FRAMES = (".jsonl",)


class Received(NamedTuple):
    """A frame that the venue sent.

    Attributes:
        time_ns: The time at which it was read, Unix nanoseconds. For a `.jsonl` it is the time of
            the `.received-ns` file, of any clock, or 0 without that file.
        frame: The frame, byte for byte.
    """

    time_ns: int
    frame: bytes


class Sent(NamedTuple):
    """A frame that the collector sent, and the time of that."""

    time_ns: int
    frame: bytes


class Opened(NamedTuple):
    """A connection was opened.

    Attributes:
        time_ns: Unix nanoseconds.
        url: The address of the venue, without secrets.
        connection: The name of the connection in its collector.
        version: The version of the collector.
    """

    time_ns: int
    url: str
    connection: str
    version: str


class Closed(NamedTuple):
    """The connection has ended, for a reason such as `closed`, `silent` or `stopped`."""

    time_ns: int
    reason: str


class Dropped(NamedTuple):
    """Frames are missing before this line, because the tape was too slow.

    Attributes:
        time_ns: Unix nanoseconds.
        frames: The number of the missing frames, received and sent.
        bytes: Their size.
    """

    time_ns: int
    frames: int
    bytes: int


TapeLine = Received | Sent | Opened | Closed | Dropped


class _OpenedFields(msgspec.Struct):
    url: str
    connection: str
    version: str


class _ClosedFields(msgspec.Struct):
    reason: str


class _DroppedFields(msgspec.Struct):
    frames: int
    bytes: int


def read_tape(path: Path) -> Iterator[TapeLine]:
    """Yield the lines of a file in order; OSError if it cannot be read.

    A last line without an end, and the end of a compressed file that was cut off, are ignored: the
    collector was killed while it wrote them. Lines with a word that this version does not know are
    ignored too.

    Args:
        path: A `.tape`, `.tape.zst`, `.tape.zst.partial` or `.jsonl` file. A `.jsonl` has one
            received frame per line, and may have a `.received-ns` file beside it with their times.

    Yields:
        The lines, with their times.

    Raises:
        DamagedRecording: The file is of another kind, or a line is wrong; the message names it.
    """
    name = path.name
    if name.endswith(_FRAMES):
        yield from _read_frames(path)
        return
    if not name.endswith((*_COMPRESSED, *_PLAIN)):
        kinds = ", ".join((*_PLAIN, *_COMPRESSED, *_FRAMES))
        raise DamagedRecording(f"{path}: not a tape: its name must end in one of {kinds}")
    with path.open("rb") as file:
        pieces = _decompressed(path, file) if name.endswith(_COMPRESSED) else _pieces(file)
        for number, line in _complete_lines(path, pieces):
            try:
                found = _parse_line(line)
            except (ValueError, Base64Error) as error:
                raise DamagedRecording(f"{path}, line {number}: {error}") from error
            if found is not None:
                yield found


def _parse_line(line: bytes) -> TapeLine | None:
    """Return a line's value; None for a word of a later version."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError("a line is `<Unix ns> <frame>`")
    time_ns, rest = int(match[1]), match[2]
    if rest.startswith(b">"):
        return Sent(time_ns, rest[1:])
    if not rest.startswith(b"!"):
        return Received(time_ns, rest)
    match = _WORD.fullmatch(rest)
    if match is None:
        raise ValueError("a line with ! is `<Unix ns> !<word> <JSON>`")
    return _parse_word(time_ns, match[1], match[2])


def _parse_word(time_ns: int, word: bytes, value: bytes) -> TapeLine | None:
    match word:
        case b"base64":
            return Received(time_ns, b64decode(value, validate=True))
        case b"sent-base64":
            return Sent(time_ns, b64decode(value, validate=True))
        case b"opened":
            opened = msgspec.json.decode(value, type=_OpenedFields)
            return Opened(time_ns, opened.url, opened.connection, opened.version)
        case b"closed":
            return Closed(time_ns, msgspec.json.decode(value, type=_ClosedFields).reason)
        case b"dropped":
            dropped = msgspec.json.decode(value, type=_DroppedFields)
            return Dropped(time_ns, dropped.frames, dropped.bytes)
        case _:
            return None


def _complete_lines(path: Path, pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each line that has an end, with its number from 1."""
    rest = b""
    number = 0
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            number += 1
            yield number, line
        if len(rest) > _MAX_LINE_BYTES:
            raise DamagedRecording(
                f"{path}, line {number + 1}: longer than {_MAX_LINE_BYTES} bytes"
            )


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _decompressed(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a zstd file up to its end, or to the place at which it was cut off."""
    decompressor = zstd.ZstdDecompressor()
    data = b""
    try:
        while data or not decompressor.needs_input or (data := file.read(_PIECE_BYTES)):
            if decompressor.eof:
                decompressor = zstd.ZstdDecompressor()
            yield decompressor.decompress(data, max_length=_PIECE_BYTES)
            # What follows the frame is another one.
            data = decompressor.unused_data if decompressor.eof else b""
    except zstd.ZstdError as error:
        raise DamagedRecording(f"{path}: not a zstd file, or damaged: {error}") from error


def _read_frames(path: Path) -> Iterator[TapeLine]:
    """Yield the frames of a `.jsonl`, with the times of the file beside it."""
    beside = path.with_suffix(".received-ns")
    with path.open("rb") as file:
        lines = _with_last_line(path, _pieces(file))
        if not beside.exists():
            yield from (Received(0, line) for line in lines if line.strip())
            return
        with beside.open("rb") as times:
            yield from _with_times(path, lines, beside, _with_last_line(beside, _pieces(times)))


def _with_times(
    path: Path, lines: Iterator[bytes], beside: Path, times: Iterator[bytes]
) -> Iterator[TapeLine]:
    ends: Iterator[None] = repeat(None)
    pairs = zip(chain(lines, ends), chain(times, ends), strict=False)
    for number, (line, time) in enumerate(pairs, start=1):
        if line is None and time is None:
            return
        if line is None or time is None:
            raise DamagedRecording(f"{beside}: it must have one time for each line of {path.name}")
        if not re.fullmatch(rb"\d{1,19}", time):
            raise DamagedRecording(f"{beside}, line {number}: it must be an integer of nanoseconds")
        if line.strip():
            yield Received(int(time), line)


def _with_last_line(path: Path, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield all lines, also a last one without an end."""
    ended = False

    def with_end() -> Iterator[bytes]:
        nonlocal ended
        for piece in pieces:
            ended = piece.endswith(b"\n")
            yield piece
        if not ended:
            yield b"\n"

    for _, line in _complete_lines(path, with_end()):
        yield line.removesuffix(b"\r")
