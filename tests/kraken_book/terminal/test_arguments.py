"""The options: invalid ones end the program with one line and exit code 2."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kraken_book.terminal.arguments import Options, UnknownNames, read_options


def test_options_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KRAKEN_BOOK_URL", "KRAKEN_BOOK_KEY", "KRAKEN_BOOK_THEME", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    assert read_options([]) == Options("http://localhost:3000", None, ())


def test_url_and_key_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_BOOK_URL", "https://books.example.com")
    monkeypatch.setenv("KRAKEN_BOOK_KEY", "one")
    monkeypatch.setenv("OTHER", "two")
    assert read_options(["BTC/USD"]) == Options("https://books.example.com", "one", ("BTC/USD",))
    options = read_options(["--key-from", "OTHER", "--url", "http://localhost:1", "*"])
    assert options == Options("http://localhost:1", "two", ("*",))
    assert options.is_all


@pytest.mark.parametrize(
    ("arguments", "variable", "ground", "theme"),
    [
        ([], "", "", "dark"),
        ([], "", "0;15", "light"),
        ([], "", "15;default;0", "dark"),
        ([], "", "nonsense", "dark"),
        ([], "light", "", "light"),
        ([], "dark", "0;15", "dark"),
        (["--theme", "auto"], "dark", "0;7", "light"),
        (["--theme", "light"], "dark", "15;0", "light"),
    ],
)
def test_theme_is_the_option_or_the_variable_or_that_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str, ground: str, theme: str
) -> None:
    monkeypatch.setenv("KRAKEN_BOOK_THEME", variable)
    monkeypatch.setenv("COLORFGBG", ground)
    assert read_options(arguments).theme == theme


def test_invalid_theme_of_the_environment_is_one_line_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KRAKEN_BOOK_THEME", "bright")
    with pytest.raises(SystemExit) as ended:
        read_options([])
    assert ended.value.code == 2
    output = capsys.readouterr().err
    assert "KRAKEN_BOOK_THEME='bright': use dark, light, auto" in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--url", "ftp://localhost"], "'ftp://localhost' is not the URL of an api"),
        (["--url", "localhost:3000"], "'localhost:3000' is not the URL of an api"),
        (["--key-from", "MISSING"], "--key-from: the environment has no variable MISSING"),
        ([""], "name at least one symbol such as BTC/USD"),
        (["--levels", "3"], "unrecognized arguments: --levels"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_invalid_argument_is_one_line_on_stderr(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(arguments)
    assert ended.value.code == 2
    output = capsys.readouterr().err
    assert message in output
    assert output.count("\n") == 1


@pytest.mark.process
def test_stdin_that_is_not_a_terminal_is_one_line_on_stderr() -> None:
    command = [sys.executable, "-m", "kraken_book.terminal", "BTC/USD"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, input="")
    assert ended.returncode == 2
    assert ended.stderr == "kraken-book tui: stdin is no terminal\n"
    assert not ended.stdout


def test_symbols_of_venues_and_wildcards_are_resolved() -> None:
    known = ["BTC/USD", "ETH/USD", "binance:BTC/USDT", "coinbase:BTC/USD"]

    def resolved(*names: str) -> list[str]:
        return Options("http://localhost:3000", None, names).resolve(known, known)

    assert resolved("binance:btc-usdt", "eth-usd") == ["binance:BTC/USDT", "ETH/USD"]
    assert resolved("*:BTC/USD") == ["BTC/USD", "coinbase:BTC/USD"]
    assert resolved("eth-usd", "coinbase:*") == ["ETH/USD", "coinbase:BTC/USD"]
    assert resolved("*", "!coinbase:*") == ["BTC/USD", "ETH/USD", "binance:BTC/USDT"]
    with pytest.raises(UnknownNames, match="did you mean binance:BTC/USDT"):
        resolved("BTC/USDT")
