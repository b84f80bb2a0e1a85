"""One file of a tape: `.partial` while it is open, complete zstd blocks after each flush."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SUFFIX = ".tape.zst"
PARTIAL = ".partial"
# docs/performance.md has the figures of the levels.
LEVEL = 1
# The lines that are compressed at once: enough for a good ratio, little to lose.
_COMPRESS_AT_BYTES = 128 * 1024

OpenFile = Callable[[Path], int]
"""Opens a new file for writing and returns its descriptor."""


def open_new(path: Path) -> int:
    """Open a file that must not exist."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)


class TapeFile:
    """An open file; every method may raise OSError.

    Args:
        path: Its final name, which ends in `.tape.zst`.
        open_file: Opens the file.

    Attributes:
        path: The final name.
        size: The bytes that are written.
    """

    def __init__(self, path: Path, open_file: OpenFile = open_new) -> None:
        self.path = path
        self.size = 0
        self._partial = path.with_name(path.name + PARTIAL)
        self._compressor = zstd.ZstdCompressor(LEVEL)
        self._lines = bytearray()
        self._descriptor = open_file(self._partial)

    def append(self, lines: bytes) -> None:
        """Append whole lines, which wait in memory until there are enough, or until a flush."""
        self._lines += lines
        if len(self._lines) >= _COMPRESS_AT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write all appended lines in complete blocks, so that a kill cannot lose them."""
        if self._lines:
            # The compressor releases the GIL, so the event loop runs meanwhile.
            self._write(self._compressor.compress(self._lines, zstd.ZstdCompressor.FLUSH_BLOCK))
            self._lines.clear()

    def finish(self) -> None:
        """Complete the file, bring it to the disk, and rename it to its final name."""
        self._write(self._compressor.compress(self._lines, zstd.ZstdCompressor.FLUSH_FRAME))
        self._lines.clear()
        os.fsync(self._descriptor)
        self.abandon()
        self._partial.rename(self.path)
        sync_folder(self.path.parent)

    def abandon(self) -> None:
        """Close the file without completing it; its flushed lines stay readable."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _write(self, data: bytes) -> None:
        self.size += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
