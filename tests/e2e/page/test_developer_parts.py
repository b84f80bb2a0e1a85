"""The parts of the page for developers that need no browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.page_modules import run_module

COMMANDS = """
    const url = (path) => `http://host/it's/${path}`
    const { bookCommands, listCommands, statusCommands } = module
    const list = listCommands(["BTC/USD", "ETH/USD"], url, given)
    return [...bookCommands("binance:BTC/USDT", url, given), ...list, ...statusCommands(url, given)]
"""


@pytest.mark.parametrize("needs_key", [False, True])
def test_commands_take_the_key_from_a_variable_if_there_is_one(needs_key: bool) -> None:
    commands = run_module("developer/commands.js", COMMANDS, needs_key)
    assert {each["language"] for each in commands} == {"curl", "Python", "JavaScript"}
    assert all(("KEY" in each["text"]) == needs_key for each in commands), commands
    curl = [each["text"] for each in commands if each["language"] == "curl"]
    header = '-H "Authorization: Bearer $KEY" ' if needs_key else ""
    assert curl[0] == f"curl {header}http://host/it%27s/depth/binance%3ABTC%2FUSDT"
    assert f"curl -N {header}'http://host/it%27s/stream?symbols=BTC%2FUSD,ETH%2FUSD'" in curl


def test_commands_without_an_open_book_are_those_of_the_list() -> None:
    script = 'return module.listCommands([], (path) => "http://host/" + path, false)'
    commands = run_module("developer/commands.js", script)
    assert [each["title"] for each in commands] == ["All books in short"] * 3


def test_strange_symbol_stays_a_literal() -> None:
    script = "return module.bookCommands(given, (path) => `http://host/${path}`, false)"
    symbol = 'A"\n$(x)`\u202e/USD'
    for each in run_module("developer/commands.js", script, symbol):
        assert "\u202e" not in each["text"]
        if "watch" in each["text"]:
            assert '["A\\"\\u000a$(x)`\\u202e/USD"]' in each["text"].replace("\\n", "\\u000a")


def event_log(script: str) -> Any:
    return run_module(
        "developer/event_log.js",
        f"""
        const log = new module.EventLog(3)
        const add = (...seqs) => seqs.forEach((seq) => log.add({{ seq }}))
        const seen = () => [log.newest.map(({{ event }}) => event.seq), log.count, log.held]
        {script}
        """,
    )


def test_event_log_keeps_the_newest_events() -> None:
    assert event_log("add(1, 2, 3, 4, 5, 6, 7, 8); return seen()") == [[8, 7, 6], 8, 0]


def test_paused_event_log_stays_and_counts() -> None:
    script = """
        add(1, 2, 3, 4); log.pause(); add(5, 6, 7, 8)
        const paused = seen()
        log.resume(); add(9)
        return [paused, seen()]
    """
    assert event_log(script) == [[[4, 3, 2], 8, 4], [[9, 8, 7], 9, 0]]


def test_row_has_position_checksum_and_bounded_text() -> None:
    events = [
        {"kind": "update", "seq": 7, "epoch": 3, "checksum": 0, "bids": []},
        {"kind": "status", "seq": None, "epoch": None, "status": "stale"},
        {"kind": "snapshot", "seq": 8, "epoch": 3, "checksum": 5, "bids": ["x" * 5000]},
    ]
    script = "return given.map(module.rowTexts)"
    update, status, snapshot = run_module("developer/event_log.js", script, events)
    assert [update["position"], update["checksum"]] == ["3, 7", "0"]
    assert update["text"] == '{"kind":"update","seq":7,"epoch":3,"checksum":0,"bids":[]}'
    assert [status["position"], status["checksum"]] == ["none", "none"]
    assert snapshot["text"].endswith(" more characters")
    assert len(snapshot["text"]) < 4100
