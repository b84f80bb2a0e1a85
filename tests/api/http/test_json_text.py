"""Encoded JSON is safe to print on a terminal, and decodes to the same values."""

from __future__ import annotations

import json

import pytest

from api.http.json_text import encode_json
from kraken_book.printable import printable_json

HOSTILE = ["\x1b[2J", "\x9b2J", "\x7f", "\u202eevil", "\u2028", "\ufeff", "\U000e0041", "a\nb\r\t"]


@pytest.mark.parametrize("text", HOSTILE)
def test_encoded_json_is_printable_and_decodes_to_the_same(text: str) -> None:
    encoded = encode_json({text: [text]})
    assert encoded.decode().isprintable()
    assert json.loads(encoded) == {text: [text]}


def test_printable_json_is_unchanged() -> None:
    data = '{"š":"\\u0000","x":"€ 😀"}'.encode()
    assert printable_json(data) == data
