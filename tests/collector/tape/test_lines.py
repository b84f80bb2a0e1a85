"""The lines of a tape hold any frame, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.tape.lines import (
    closed_line,
    dropped_line,
    opened_line,
    public_url,
    received_lines,
    sent_line,
)
from kraken_book.recording.tape_reader import (
    Closed,
    Dropped,
    Opened,
    Received,
    Sent,
    TapeLine,
    read_tape,
)

FRAMES = st.one_of(st.binary(max_size=30), st.text(max_size=30).map(str.encode))


def read_back(folder: Path, lines: bytes) -> list[TapeLine]:
    path = folder / "lines.tape"
    path.write_bytes(lines)
    return list(read_tape(path))


def test_text_frames_are_lines_as_they_came() -> None:
    assert (
        received_lines(7, [b'{"a":1}', "[\u20ac]".encode()]) == '7 {"a":1}\n7 [\u20ac]\n'.encode()
    )
    assert sent_line(8, b"!>{}") == b"8 >!>{}\n"


@given(st.lists(FRAMES, min_size=1, max_size=5))
@example([b"\n"])
@example([b"\r"])
@example([b">", b"!closed {}", b"{}"])
@example([b"7 !", b"\xff", b""])
def test_any_frame_is_read_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, frames: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    assert read_back(folder, received_lines(7, frames)) == [Received(7, each) for each in frames]
    sent = b"".join(sent_line(7, each) for each in frames)
    assert read_back(folder, sent) == [Sent(7, each) for each in frames]


def test_lines_about_a_connection_are_read_back(tmp_path: Path) -> None:
    lines = opened_line(1, "wss://host/v2", "1", "0.2") + dropped_line(2, 3, 400)
    lines += closed_line(4, "silent")
    assert read_back(tmp_path, lines) == [
        Opened(1, "wss://host/v2", "1", "0.2"),
        Dropped(2, 3, 400),
        Closed(4, "silent"),
    ]


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("wss://ws.kraken.com/v2", "wss://ws.kraken.com/v2"),
        ("ws://user:secret@[::1]:9443/v2?token=secret#secret", "ws://[::1]:9443/v2"),
        ("ws://a@secret@host/v2", "ws://host/v2"),
    ],
)
def test_url_on_the_tape_has_no_secret(url: str, public: str) -> None:
    assert public_url(url) == public
    assert b"secret" not in opened_line(1, url, "1", "0.2")
