"""The manifest of a recording: one line of JSON for each finished book file.

The line repeats the file's metadata, and has its path, size and SHA-256. So one can see what a
recording has without opening files, and detect files that were changed or lost.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from kraken_book.errors import DamagedRecording
from kraken_book.json_errors import JSON_ERRORS
from kraken_book.recording.layout import MANIFEST
from kraken_book.recording.schema import FileMetadata

__all__ = ["ManifestLine", "append_lines", "file_sha256", "read_manifest"]


class ManifestLine(msgspec.Struct, frozen=True, kw_only=True):
    """A finished book file.

    Attributes:
        path: Path of the file, relative to the recording, with `/`.
        bytes: Size of the file.
        sha256: SHA-256 of the file, in hexadecimal.
        file: The file's metadata.
    """

    path: str
    bytes: int
    sha256: str
    file: FileMetadata


def append_lines(root: Path, lines: Iterable[ManifestLine]) -> None:
    """Append lines to the manifest of a recording, and return when they are on the disk."""
    data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    with (root / MANIFEST).open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(root: Path) -> list[ManifestLine]:
    """Return the lines of a recording's manifest; none if there is no manifest.

    If a file was written again after a kill, its last line counts. The end of a line that was being
    written when the machine stopped is ignored.

    Raises:
        DamagedRecording: A line is damaged; the message names it.
    """
    path = root / MANIFEST
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    whole, _, _ = data.rpartition(b"\n")
    lines: dict[str, ManifestLine] = {}
    for number, line in enumerate(whole.split(b"\n") if whole else [], start=1):
        try:
            parsed = msgspec.json.decode(line, type=ManifestLine)
        except JSON_ERRORS as error:
            raise DamagedRecording(f"{path}, line {number}: {error}") from None
        lines[parsed.path] = parsed
    return list(lines.values())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
