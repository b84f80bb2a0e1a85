"""Key files: what is in them, and what is refused."""

from __future__ import annotations

import hashlib
import re

import pytest

from kraken_book.access_keys import (
    MAX_FILE_BYTES,
    AccessKey,
    KeyLimits,
    digest_of,
    new_key,
    parse_expiry,
    parse_key_file,
    permitted_symbols,
    render_key_file,
)
from kraken_book.errors import Unusable

DIGEST = "a" * 64


def entry(**members: str) -> bytes:
    fields = {"name": '"desk"', "sha256": f'"{DIGEST}"', **members}
    inner = ",".join(f'"{name}":{value}' for name, value in fields.items())
    return f'{{"keys":[{{{inner}}}]}}'.encode()


def test_written_keys_are_read_again() -> None:
    keys = [
        AccessKey("desk", DIGEST, "BTC/*", "2027-01-01T00:00:00Z", KeyLimits(requests=5)),
        AccessKey("all", "b" * 64),
    ]
    assert parse_key_file(render_key_file(keys)) == keys
    assert keys[0].expires_at == 1798761600.0
    assert keys[1].selection is None


def test_empty_file_has_no_keys() -> None:
    assert parse_key_file(b" \n") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "Expected `object`, got `array`"),
        (b'{"keys":[', "Input data was truncated"),
        (b"\xff", "JSON is malformed"),
        (entry(name="1"), "Expected `str`, got `int` - at `$.keys[0].name`"),
        (entry(name='"a b"'), "keys[0] ('a b'): 'a b' is no name of a key"),
        (entry(sha256='"x"'), "sha256 must have 64 hexadecimal digits"),
        (entry(symbol='"*"'), "unknown field `symbol`"),
        (entry(symbols='"BTC"'), "'BTC' is no symbol: use names such as BTC/USD"),
        (entry(symbols='""'), "name at least one symbol"),
        (entry(expires='"tomorrow"'), "'tomorrow' is no time of expiry: use a date"),
        (entry(expires='"2027-01-01T00:00:00"'), "no time of expiry"),
        (entry(limits='{"requests":0}'), "Expected `int` >= 1 - at `$.keys[0].limits.requests`"),
        (entry(limits='{"request":1}'), "unknown field `request`"),
        (b" " * (MAX_FILE_BYTES + 1), "at most 4194304 bytes"),
    ],
)
def test_invalid_file_is_refused_with_the_place_and_what_is_right(
    content: bytes, message: str
) -> None:
    with pytest.raises(Unusable, match=re.escape(message)):
        parse_key_file(content)


@pytest.mark.parametrize("member", ["name", "sha256"])
def test_name_and_digest_occur_once(member: str) -> None:
    keys = [AccessKey("desk", DIGEST), AccessKey("desk2", "b" * 64)]
    twice = {"name": AccessKey("desk", "c" * 64), "sha256": AccessKey("other", DIGEST)}[member]
    with pytest.raises(Unusable, match=f"the {member} .* occurs twice"):
        parse_key_file(render_key_file([*keys, twice]))


def test_new_keys_differ_and_have_256_random_bits() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"kb_[A-Za-z0-9_-]{43}", key) for key in keys)


def test_digest_is_the_sha_256() -> None:
    assert digest_of("kb_x") == hashlib.sha256(b"kb_x").hexdigest()
    # A header may contain bytes that are not UTF-8.
    assert len(digest_of("\udcff")) == 64


@pytest.mark.parametrize(
    ("text", "selected", "hidden"),
    [
        ("xbt/eur,eth/*", ["BTC/EUR", "ETH/USD"], ["BTC/USD"]),
        ("*,!*/JPY", ["BTC/USD"], ["BTC/JPY"]),
        ("BTC/*,!btc/usd", ["BTC/EUR"], ["BTC/USD", "ETH/EUR"]),
    ],
)
def test_permitted_symbols_in_any_spelling(
    text: str, selected: list[str], hidden: list[str]
) -> None:
    selection = permitted_symbols(text)
    assert selection is not None
    assert [each for each in [*selected, *hidden] if selection.selects(each)] == selected


def test_equal_permissions_are_equal_selections() -> None:
    assert permitted_symbols("eth/usd,BTC/*") == permitted_symbols("BTC/*,ETH/USD,ETH/USD")
    assert permitted_symbols("BTC/*,*") is None


def test_date_means_its_first_moment_in_utc() -> None:
    assert parse_expiry("2027-01-01") == parse_expiry("2027-01-01T01:00:00+01:00")
