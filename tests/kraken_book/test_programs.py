"""Programs end with one line and an exit code instead of a traceback."""

from __future__ import annotations

import pytest

from kraken_book import KrakenBookError, NotLive, ProxyFailed, TooManyRequests, Unusable, WrongKey
from kraken_book.programs import ends_quietly


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotLive("words"), 1),
        (TooManyRequests(429, "words"), 1),
        (ProxyFailed("words"), 1),
        (WrongKey("key-missing", "words"), 2),
        (Unusable("words"), 2),
    ],
)
def test_error_of_the_library_is_one_line_and_an_exit_code(
    error: KrakenBookError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, ends_quietly("program"):
        raise error
    assert ended.value.code == code
    assert capsys.readouterr().err == "program: words\n"
