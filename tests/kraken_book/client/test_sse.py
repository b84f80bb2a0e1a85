"""The parser of Server-Sent Events."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_book.client.sse import MAX_BYTES, EndlessMessage, Message, SseParser

STREAM = (
    b'\xef\xbb\xbf: hello\n\nid: 1-1\ndata: {"a":1}\n\n'
    b"retry: 700\n: bye\n\ndata: x\r\ndata:y\r\n\r\n"
)
MESSAGES = [
    Message("1-1", b'{"a":1}', None),
    Message(None, b"", 700),
    Message(None, b"x\ny", None),
]


def parsed(*chunks: bytes) -> list[Message]:
    parser = SseParser()
    return [message for chunk in chunks for message in parser.feed(chunk)]


@given(st.lists(st.integers(0, len(STREAM))))
def test_messages_are_the_same_wherever_the_stream_is_split(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in pairwise(bounds)]
    assert parsed(*chunks) == MESSAGES


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_of_the_format_ends_a_line(end: str) -> None:
    text = end.join(["id: 5", "data: a", "", "data: b", "", ""]).encode()
    # A CR at the end of a chunk may be half of a line end, so it waits for the next chunk.
    assert parsed(text, b": more\n") == [Message("5", b"a", None), Message(None, b"b", None)]


def test_other_line_separators_do_not_end_a_line() -> None:
    text = "a\u2028b\x0bc\x85d".encode()
    assert parsed(b"data: " + text + b"\n\n") == [Message(None, text, None)]


def test_unfinished_message_is_not_returned() -> None:
    assert parsed(b"id: 1\ndata: whole\n\nid: 2\ndata: ha") == [Message("1", b"whole", None)]


@pytest.mark.parametrize("line", [b"retry: -1", b"retry: 1e3", b"retry: 99999999999", b"id: a\0b"])
def test_invalid_field_is_ignored(line: bytes) -> None:
    assert parsed(line + b"\ndata: x\n\n") == [Message(None, b"x", None)]


@pytest.mark.parametrize("piece", [b"x" * 1000, b"data: x\n", b"id: 1\r\n", b": \r"])
def test_endless_message_is_refused(piece: bytes) -> None:
    chunk = piece * 100
    with pytest.raises(EndlessMessage):
        parsed(*[chunk] * (2 * MAX_BYTES // len(chunk)))


def test_comments_do_not_accumulate() -> None:
    parser = SseParser()
    for _ in range(3 * MAX_BYTES // 70_000):
        assert list(parser.feed(b": keep\n\n" * 10_000)) == []
