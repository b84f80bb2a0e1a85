"""The welcome of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kraken_book.selection import parse_selection
from launcher.terminal import Welcome

NONE_LIVE = "none is live yet; see the lines above"


def welcome_lines(
    url: str = "redis://h:1/0",
    live: Sequence[str] = ("BTC/USD",),
    *,
    simulated: bool = False,
    symbols: str = "BTC/USD,ETH/USD,SOL/USD",
    host: str = "127.0.0.1",
    port: int = 3000,
) -> str:
    """Return the lines of a welcome."""
    welcome = Welcome(
        host, port, (host, port), port == 3000, parse_selection(symbols), url, {"kraken": simulated}
    )
    return "\n".join(welcome.lines(live))


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one folder, which has only redis-cli."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "redis-cli").touch(0o755)
    return tmp_path


def test_welcome_is_a_block_of_commands_to_copy() -> None:
    live = ("BTC/USD", "ETH/EUR")
    assert welcome_lines("unix:///tmp/r/redis.sock", live, symbols="ETH/EUR,BTC/USD") == (
        "feed: live Kraken\n"
        "books: ETH/EUR, BTC/USD\n"
        "open   http://localhost:3000\n"
        "curl   http://localhost:3000/symbols\n"
        "curl   http://localhost:3000/depth/ETH%2FEUR\n"
        "curl -N http://localhost:3000/stream/ETH%2FEUR\n"
        "make tui\n"
        "redis-cli -s /tmp/r/redis.sock hgetall 'kraken:book:{ETH/EUR}'\n"
        "Ctrl-C stops everything"
    )


@pytest.mark.parametrize(
    ("symbols", "live", "books", "path"),
    [
        ("NO/PE,ETH/EUR", ["ETH/EUR"], "ETH/EUR", "ETH%2FEUR"),
        ("*/EUR", ["ADA/EUR", "BTC/EUR"], "ADA/EUR, BTC/EUR", "ADA%2FEUR"),
        (
            "*",
            [f"A{i}/B" for i in range(9)],
            "A0/B, A1/B, A2/B, A3/B, A4/B and 4 more",
            "A0%2FB",
        ),
        ("*/EUR", [], NONE_LIVE, "BTC%2FEUR"),
        ("*", [], NONE_LIVE, "BTC%2FUSD"),
        ("ETH/EUR", [], NONE_LIVE, "ETH%2FEUR"),
    ],
)
def test_welcome_prefers_a_live_book_for_its_commands(
    symbols: str, live: list[str], books: str, path: str
) -> None:
    lines = welcome_lines(live=live, symbols=symbols).splitlines()
    assert f"books: {books}" in lines
    assert f"curl   http://localhost:3000/depth/{path}" in lines


def test_welcome_has_another_port_in_every_line_that_needs_it() -> None:
    lines = welcome_lines(port=3001).splitlines()
    assert "make tui API_PORT=3001" in lines
    assert not any("3000" in line for line in lines)


def test_welcome_names_the_venues_that_are_simulated() -> None:
    welcome = Welcome(
        *("localhost", 3000, ("localhost", 3000), True),
        parse_selection("BTC/USD,binance:BTC/USDT"),
        "redis://localhost",
        {"kraken": False, "binance": True},
    )
    lines = welcome.lines(["BTC/USD", "binance:BTC/USDT"])
    assert lines[:2] == ["feed: live Kraken, SIMULATED Binance", "books: BTC/USD, binance:BTC/USDT"]


def test_welcome_says_simulated_first() -> None:
    assert welcome_lines(simulated=True).startswith("feed: SIMULATED\n")


def test_welcome_without_live_book_does_not_call_kraken_live() -> None:
    assert welcome_lines(live=[]).startswith("feed: Kraken\nbooks: none is live yet;")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("0.0.0.0", "http://localhost:3000\n       or port 3000 on any other address"),
        ("::", "http://localhost:3000\n       or port 3000 on any other address"),
        ("192.0.2.7", "http://192.0.2.7:3000\ncurl"),
        ("::1", "http://[::1]:3000\ncurl"),
    ],
)
def test_welcome_shows_a_host_that_can_be_opened(host: str, shown: str) -> None:
    assert f"open   {shown}" in welcome_lines(host=host)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("unix:///r.sock?db=3", "redis-cli -s /r.sock -n 3 hgetall"),
        ("redis://:secret@h:1/2", "redis-cli -u 'redis://:***@h:1/2' hgetall"),
        (
            "redis://me@h:1/2?password_file=/a%20b",
            "REDISCLI_AUTH=$(cat '/a b') redis-cli --user me -u redis://h:1/2 hgetall",
        ),
        ("unix:///r.sock?password_file=/p", "REDISCLI_AUTH=$(cat /p) redis-cli -s /r.sock hgetall"),
    ],
)
def test_welcome_has_redis_command_without_password(url: str, line: str) -> None:
    assert line in welcome_lines(url)


def test_welcome_has_redis_url_if_no_client_is_installed(programs: Path) -> None:
    (programs / "redis-cli").unlink()
    assert "\nREDIS_URL=redis://h:1/0\n" in welcome_lines()
