"""Complete a `.partial` file that a killed collector left, in place and without a copy.

The file is a zstd frame without an end (RFC 8878, 3.1.1). It is cut after the last complete block
whose content ends with a line. An empty last block then makes it a complete file. So this needs no
space on a full disk, and one pass over the file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

from collector.tape.tape_file import PARTIAL, sync_folder

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAGIC = b"\x28\xb5\x2f\xfd"
_LAST_BLOCK = 1
_RLE = 1
# A raw block of no bytes, which is the last one.
_EMPTY_LAST_BLOCK = b"\x01\x00\x00"
_DICTIONARY_ID_BYTES = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)


def complete_partial(partial: Path) -> bool:
    """Cut a `.partial` file after its last complete line, complete it, and rename it.

    A file without a line is removed.

    Args:
        partial: The file, which no process writes to.

    Returns:
        Whether there was a line.
    """
    with partial.open("r+b") as file:
        end = _end_of_lines(file)
        if end:
            file.truncate(end.at)
            file.seek(end.at)
            if not end.is_complete:
                file.write(_EMPTY_LAST_BLOCK)
            file.flush()
            os.fsync(file.fileno())
    if end:
        partial.rename(partial.with_name(partial.name.removesuffix(PARTIAL)))
    else:
        partial.unlink()
    sync_folder(partial.parent)
    return end is not None


class _End:
    def __init__(self, at: int, is_complete: bool) -> None:
        self.at = at
        self.is_complete = is_complete


def _end_of_lines(file: BinaryIO) -> _End | None:
    """Return the end of the last block whose content ends with a line."""
    decompressor = zstd.ZstdDecompressor()
    header = _read_header(file)
    end = None
    if header is None:
        return None
    decompressor.decompress(header)
    while (block := _read_block(file)) is not None:
        try:
            content = decompressor.decompress(block)
        except zstd.ZstdError:
            # A lost write, as after a loss of power.
            break
        is_last = bool(block[0] & _LAST_BLOCK)
        if content.endswith(b"\n") or (is_last and end is not None and not content):
            end = _End(file.tell(), is_last)
        if is_last:
            break
    return end


def _read_header(file: BinaryIO) -> bytes | None:
    """Return the header of the frame, None if the file has no complete one."""
    begin = file.read(5)
    if len(begin) < 5 or begin[:4] != _MAGIC:
        return None
    descriptor = begin[4]
    is_single_segment = bool(descriptor & 0x20)
    size = _DICTIONARY_ID_BYTES[descriptor & 3] + _CONTENT_SIZE_BYTES[descriptor >> 6]
    # The descriptor of the window; or a content size of one byte, which has no flag.
    if not is_single_segment or descriptor >> 6 == 0:
        size += 1
    rest = file.read(size)
    return begin + rest if len(rest) == size else None


def _read_block(file: BinaryIO) -> bytes | None:
    """Return the next block with its header, None if it is not complete."""
    header = file.read(3)
    if len(header) < 3:
        return None
    value = int.from_bytes(header, "little")
    size = 1 if value >> 1 & 3 == _RLE else value >> 3
    content = file.read(size)
    return header + content if len(content) == size else None
