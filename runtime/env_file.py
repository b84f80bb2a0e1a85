"""Check `.env` before settings are read from it, so that an error is one clear line."""

from __future__ import annotations

import io
import stat
from pathlib import Path

from dotenv.parser import parse_stream

MAX_BYTES = 1_000_000

_FORMAT = "each line must be NAME=value in UTF-8"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def find_env_file_fault(path: Path) -> str | None:
    """Return the fault of an env file and its remedy, or None if settings can be read from it.

    A missing file is no fault. The content of a pipe or device is not checked, because a pipe can
    be read only once.
    """
    try:
        content = _first_bytes(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return None
        return f"cannot be read ({error.strerror}); make it readable or remove it"
    return _find_content_fault(content)


def _first_bytes(path: Path) -> bytes:
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return b""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _find_content_fault(content: bytes) -> str | None:
    if len(content) > MAX_BYTES:
        return f"more than {MAX_BYTES:,} bytes; {_FORMAT}"
    if content.startswith(_UTF_16_MARKS) or b"\0" in content:
        line = _line_number(content, max(0, content.find(b"\0")))
        return f"UTF-16 or binary (byte 0 in line {line}); save it as UTF-8"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line_number(content, error.start)
        byte = content[error.start]
        return f"not UTF-8 (byte 0x{byte:02x} in line {line}); save it as UTF-8"
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            blank = len(binding.original.string) - len(binding.original.string.lstrip())
            line = binding.original.line + binding.original.string.count("\n", 0, blank)
            return f"line {line} is invalid; {_FORMAT}, a comment must begin with #"
    return None


def _line_number(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
