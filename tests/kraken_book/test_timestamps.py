"""Timestamps in the form of the contract: RFC 3339, UTC, six decimals, `Z`."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_book.book import Book
from kraken_book.event import render_update
from kraken_book.precision import Precision
from kraken_book.timestamps import normalised, parse_rfc3339, rfc3339

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_785_641_751_660_084_000, "2026-08-02T03:35:51.660084Z"),
        (1_785_641_751_000_001_999, "2026-08-02T03:35:51.000001Z"),
    ],
)
def test_time_is_written_with_six_decimals_and_z(nanoseconds: int, text: str) -> None:
    assert rfc3339(nanoseconds) == text


@given(st.integers(0, 4_102_444_800_000_000))
@settings(deadline=None)
def test_written_time_is_read_to_the_microsecond(microseconds: int) -> None:
    text = rfc3339(microseconds * 1000)
    assert FORM.fullmatch(text)
    assert parse_rfc3339(text) == microseconds * 1000


@pytest.mark.parametrize("text", ["", "yesterday", "2026-08-02", "2026-08-02T03:35:51.660084"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - some messages are Python's
        parse_rfc3339(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-08-02T03:35:51.660084Z", "2026-08-02T03:35:51.660084Z"),
        ("2026-08-02T03:35:51Z", "2026-08-02T03:35:51.000000Z"),
        ("2026-08-02T03:35:51.66Z", "2026-08-02T03:35:51.660000Z"),
        ("2026-08-02T05:35:51.660084+02:00", "2026-08-02T03:35:51.660084Z"),
        ("2026-08-02T03:35:51.660084123Z", "2026-08-02T03:35:51.660084Z"),
        (None, None),
        ("", None),
        ("soon", None),
        ("2026-13-45T03:35:51Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2026-08-02t03:35:51z", "2026-08-02T03:35:51.000000Z"),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00.000000Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2026-08-02T23:59:60Z", None),
        ("10000-01-01T00:00:00.000000Z", None),
        (1_795_725_366.07, None),
        (1_795_725_366, None),
        (True, None),
        ({"seconds": 5}, None),
        ([], None),
    ],
)
def test_time_of_a_venue_is_normalised_or_none(text: object, form: str | None) -> None:
    assert normalised(text) == form


@pytest.mark.parametrize(
    "text",
    ["not a time at all, .660084Z", "9999-99-99T99:99:99.999999Z", '2026-08-02T03:"5:51.660084Z'],
)
def test_implausible_time_of_the_right_length_becomes_none(text: str) -> None:
    assert len(text) == len("2026-08-02T03:35:51.660084Z")
    assert normalised(text) is None


def test_hostile_time_is_null_in_valid_json() -> None:
    book = Book("X/Y", 10, Precision(1, 1))
    time = normalised('2026-08-02T03:"5:51.660084Z')
    data = render_update(book, 1, 1, [], [], 0, time, rfc3339(0))
    assert json.loads(data)["exchange_time"] is None


@given(st.text(max_size=30))
@settings(deadline=None)
def test_random_text_is_normalised_or_none(text: str) -> None:
    form = normalised(text)
    assert form is None or FORM.fullmatch(form)


@given(st.integers(-62_135_596_800, 253_402_300_799))
@settings(deadline=None)
def test_year_is_written_with_four_digits(seconds: int) -> None:
    assert FORM.fullmatch(rfc3339(seconds * 10**9))
