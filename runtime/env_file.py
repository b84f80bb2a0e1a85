"""Check `.env` before settings are read from it, so that an error is one clear line."""

from __future__ import annotations

import io
import stat
from pathlib import Path

from dotenv.parser import parse_stream

MAX_BYTES = 1_000_000

_TAKES = "it takes lines of NAME=value in UTF-8"
_MARKS_OF_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def why_unusable(path: Path) -> str | None:
    """Return why settings cannot be read from `path`, and what would be right; None if they can.

    A file that does not exist is no fault. A pipe can be read only once, so what
    it brings is not looked at.
    """
    try:
        content = _first_bytes(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return None
        return f"it cannot be read ({error.strerror}): {_TAKES}; make it readable or remove it"
    return _why_no_settings(content)


def _first_bytes(path: Path) -> bytes:
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return b""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _why_no_settings(content: bytes) -> str | None:
    if len(content) > MAX_BYTES:
        return f"it has more than {MAX_BYTES:,} bytes: {_TAKES}"
    if content.startswith(_MARKS_OF_UTF_16) or b"\0" in content:
        where = _line_of(content, max(0, content.find(b"\0")))
        return f"it is UTF-16 or binary (byte 0 in line {where}): save it as UTF-8"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = content[error.start]
        where = _line_of(content, error.start)
        return f"it is not UTF-8 (byte 0x{wrong:02x} in line {where}): save it as UTF-8"
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            blank = len(binding.original.string) - len(binding.original.string.lstrip())
            where = binding.original.line + binding.original.string.count("\n", 0, blank)
            return f"line {where} cannot be understood: {_TAKES}, and # before a comment"
    return None


def _line_of(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
