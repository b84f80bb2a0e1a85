"""Printable text has no control characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_book.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTC/USD é 你 😀", "BTC/USD é 你 😀"),
        ("\x1b[2J\x1b]0;x\x07", "?[2J?]0;x?"),
        ("a\nb\tc\r\nd\u2028e", "a b c  d e"),
        ("\x9b2J \x7f", "?2J ?"),
        ("\u202eDSU\u202c \u2066x\u2069 \u200fy", "?DSU? ?x? ?y"),
        ("\ud800", "?"),
        ("[red]markup[/red]", "[red]markup[/red]"),
    ],
)
def test_unprintable_characters_are_replaced(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert printable("x" * 100, most=5) == "xxxx…"
    assert printable("x" * 5, most=5) == "xxxxx"


@given(st.text())
def test_random_text_becomes_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
