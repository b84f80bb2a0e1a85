"""Read the received frames of a file: a tape, or a file with one text frame per line.

A tape is a `.tape`, or a `.tape.zst` or `.tape.zst.partial` that a collector wrote. Its lines are
`<Unix ns> <frame>`; those that begin with `>` or `!` behind the time are no received frames, except
for `!base64`. docs/recordings.md describes them.

Beside another file `NAME.jsonl`, a file `NAME.received-ns` contains the time of receipt of each
line, in nanoseconds of any monotonic clock.
"""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_COMPRESSED = (".tape.zst", ".tape.zst.partial")
TAPES = (".tape", *_COMPRESSED)
"""The ends of the names of tapes."""

_PIECE_BYTES = 1 << 17
_TAPE_LINE = re.compile(rb"(\d{1,19}) (?:!([a-z0-9-]+) )?(.*)", re.DOTALL)


class RecordingError(ValueError):
    """A file that cannot be replayed; the text names the line and the reason."""


class RecordedFrame(NamedTuple):
    """One received frame.

    Attributes:
        place: The file and the line, for errors.
        seconds: The time of receipt, if it is known.
        text: The frame.
        is_opening: Whether it is no frame but the opening of a connection.
    """

    place: str
    seconds: float | None
    text: str
    is_opening: bool = False


def is_tape(path: Path) -> bool:
    """Return whether the name is that of a tape."""
    return path.name.endswith(TAPES)


def recorded_files(path: Path) -> list[Path]:
    """Return the files of a recording, the tapes of a folder in the order of their names.

    Raises:
        RecordingError: The folder has no tape.
    """
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.rglob("*") if is_tape(each) and each.is_file())
    if not found:
        raise RecordingError(f"{path}: no tape in this folder: it needs {', '.join(TAPES)}")
    return found


def read_frames(path: Path, *, openings: bool = False) -> Iterator[RecordedFrame]:
    """Yield the received text frames of a file; OSError if it cannot be read.

    Args:
        path: The file.
        openings: Whether to yield the openings of connections too.

    Yields:
        The frames in order.
    """
    for frame in _tape_frames(path) if is_tape(path) else _plain_frames(path):
        if openings or not frame.is_opening:
            yield frame


def _plain_frames(path: Path) -> Iterator[RecordedFrame]:
    lines = path.read_text(encoding="utf-8").split("\n")
    times = _received_seconds(path, lines)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            seconds = times[number - 1] if times else None
            yield RecordedFrame(f"{path}, line {number}", seconds, line.rstrip("\r"))


def _tape_frames(path: Path) -> Iterator[RecordedFrame]:
    newest = 0.0
    for number, line in enumerate(_whole_lines(path), start=1):
        place = f"{path}, line {number}"
        match = _TAPE_LINE.fullmatch(line)
        if match is None:
            raise RecordingError(f"{place}: each line must be a time in nanoseconds and a frame")
        time_ns, word, rest = match.groups()
        if word == b"opened":
            yield RecordedFrame(place, None, "", is_opening=True)
        if (word and word != b"base64") or rest.startswith(b">"):
            continue
        try:
            text = (b64decode(rest, validate=True) if word else rest).decode()
        except UnicodeDecodeError:
            # A binary frame has no book.
            continue
        except ValueError as error:
            raise RecordingError(f"{place}: {error}") from error
        # Frames stay in the order of their file, although the clock was set back.
        newest = max(newest, int(time_ns) / 1e9)
        yield RecordedFrame(place, newest, text)


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a tape that have an end; its collector may have been killed."""
    rest = b""
    pieces = _decompressed(path) if path.name.endswith(_COMPRESSED) else _pieces(path)
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _decompressed(path: Path) -> Iterator[bytes]:
    decompressor = zstd.ZstdDecompressor()
    try:
        for piece in _pieces(path):
            rest = piece
            while rest:
                if decompressor.eof:
                    decompressor = zstd.ZstdDecompressor()
                yield decompressor.decompress(rest)
                rest = decompressor.unused_data if decompressor.eof else b""
    except zstd.ZstdError as error:
        raise RecordingError(f"{path}: not a zstd file, or damaged: {error}") from error


def _received_seconds(path: Path, lines: list[str]) -> list[float]:
    beside = path.with_suffix(".received-ns")
    if not beside.exists():
        return []
    try:
        times = [int(text) / 1e9 for text in beside.read_text(encoding="utf-8").split()]
    except ValueError as error:
        raise RecordingError(
            f"{beside}: {error}: each line must be an integer of nanoseconds"
        ) from error
    count = len(lines) - (lines[-1] == "")
    if len(times) != count:
        raise RecordingError(f"{beside}: {len(times)} times for the {count} lines of {path.name}")
    return times
