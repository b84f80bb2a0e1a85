"""Escapes of foreign text."""

from __future__ import annotations

import pytest

from runtime.printable import printable, printable_lines, printable_with_colours


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTC/USD é 中 🙂", "BTC/USD é 中 🙂"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\r\tc\0", r"a\nb\r\tc\x00"),
        ("\x7f\x80\x9b31m\x9d", r"\x7f\x80\x9b31m\x9d"),
        ("\u202e\u2066\u200b\ufeff", r"\u202e\u2066\u200b\ufeff"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\ud800\udcff", r"\ud800\udcff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_printable_escapes_characters_that_are_not_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_printable_lines_keeps_line_feeds() -> None:
    assert printable_lines("one\x1b\ntwo\r\n") == "one\\x1b\ntwo\\r\n"


def test_printable_with_colours_keeps_colours_and_resets_them() -> None:
    assert printable_with_colours("\x1b[1;31mred\x1b[2J") == "\x1b[1;31mred\\x1b[2J\x1b[0m"
    assert printable_with_colours("plain") == "plain"


def test_printable_cuts_long_text() -> None:
    assert printable("x" * 500, 10) == "x" * 10 + "…"
