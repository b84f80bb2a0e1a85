"""A file that a killed collector left is cut at a line, wherever the kill cut it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from collector.tape.partial_files import complete_partial
from collector.tape.tape_file import TapeFile
from kraken_book.recording.tape_reader import read_tape

NAME = "13-connection-1-135959.000000.tape.zst"


def lines_of(count: int, size: int) -> list[bytes]:
    """Return lines of text and of noise, so that blocks of all kinds are written."""
    chance = random.Random(count)
    lines = [b"%d " % number + chance.randbytes(size).hex().encode() for number in range(count)]
    return [*lines, b"1 " + b"x" * 500_000, *lines]


def partial_of(folder: Path, lines: list[bytes]) -> bytes:
    """Return the content of an open file, with a flush after each line."""
    file = TapeFile(folder / NAME)
    for line in lines:
        file.append(line + b"\n")
        file.flush()
    file.abandon()
    partial = folder / (NAME + ".partial")
    content = partial.read_bytes()
    partial.unlink()
    return content


@pytest.mark.parametrize(("count", "size"), [(5, 20), (3, 3000), (2, 150_000)])
def test_partial_file_cut_anywhere_is_completed_with_a_prefix_of_its_lines(
    tmp_path: Path, count: int, size: int
) -> None:
    lines = lines_of(count, size)
    content = partial_of(tmp_path, lines)
    whole = [line.partition(b" ")[2] for line in lines]
    chance = random.Random(1)
    ends = {len(content), *range(min(40, len(content))), *chance.choices(range(len(content)), k=40)}
    most = 0
    for end in sorted(ends):
        partial = tmp_path / (NAME + ".partial")
        partial.write_bytes(content[:end])
        before = list(read_tape(partial)) if end else []
        has_lines = complete_partial(partial)
        assert not partial.exists()
        assert has_lines == (tmp_path / NAME).exists()
        found = [line[1] for line in read_tape(tmp_path / NAME)] if has_lines else []
        assert found == whole[: len(found)]
        # A block may end within a line: then more can be read before than after.
        assert len(before) >= len(found) >= most
        most = len(found)
        (tmp_path / NAME).unlink(missing_ok=True)
    assert most == len(lines)


def test_partial_file_with_lost_pages_keeps_the_lines_before_them(tmp_path: Path) -> None:
    lines = lines_of(5, 2000)
    content = partial_of(tmp_path, lines)
    partial = tmp_path / (NAME + ".partial")
    for fill in (b"\0", b"\xff"):
        partial.write_bytes(content[: len(content) // 3] + fill * 5000)
        assert complete_partial(partial)
        found = [line[1] for line in read_tape(tmp_path / NAME)]
        assert 0 < len(found) < len(lines)
        assert found == [line.partition(b" ")[2] for line in lines][: len(found)]
        (tmp_path / NAME).unlink()


def test_finished_file_that_was_not_renamed_is_renamed(tmp_path: Path) -> None:
    file = TapeFile(tmp_path / NAME)
    file.append(b"1 []\n")
    file.finish()
    partial = (tmp_path / NAME).rename(tmp_path / (NAME + ".partial"))
    content = partial.read_bytes()
    assert complete_partial(partial)
    assert (tmp_path / NAME).read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\x28\xb5", b"not zstd at all"])
def test_partial_file_without_a_line_is_removed(tmp_path: Path, content: bytes) -> None:
    partial = tmp_path / (NAME + ".partial")
    partial.write_bytes(content)
    assert not complete_partial(partial)
    assert list(tmp_path.iterdir()) == []
