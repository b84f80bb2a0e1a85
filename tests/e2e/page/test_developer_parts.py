"""The parts of the page for developers that need no browser."""

from __future__ import annotations

from typing import Any

import pytest

from lab.node import run_module

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


def status_answer(**changes: Any) -> dict[str, Any]:
    connection = {
        "name": "1", "state": "live", "last_frame": "2026-11-27T05:09:03.703448Z", "symbols": 2,
        "reconnects": 0, "lag_ms": None, "system": "online",
    }  # fmt: skip
    collector = {
        "shard": "0/1", "status": "reporting", "age_ms": 400, "leader": {"host": "db", "pid": 7},
        "epoch": 12, "redis_status": "ok", "books": {"live": 1, "asked": 1}, "mismatches": 0,
        "resyncs": 1200, "connections": [connection], **changes,
    }  # fmt: skip
    feed = {"venue": "kraken", "reason": None, "malformed": 0, "collectors": [collector]}
    return {"redis": {"status": "ok", "reason": None, "nodes": 1}, "feeds": [feed]}


@pytest.mark.parametrize(
    ("changes", "since", "words"),
    [
        ({}, 0, []),
        ({}, 4700, ["Kraken's collector of shard 0/1 is silent"]),
        ({"redis_status": "trouble"}, 0, ["trouble with Redis"]),
        ({"connections": [{"state": "backoff"}, {"state": "live"}]}, 0, ["not live: 1 of 2"]),
        ({"age_ms": 0}, 11_000, ["old", "silent"]),
    ],
)
def test_troubles_are_sentences(changes: dict[str, Any], since: int, words: list[str]) -> None:
    script = "return module.troubles(given.answer, given.since, null)"
    given = {"answer": status_answer(**changes), "since": since}
    found = run_module("developer/status_facts.js", script, given)
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True)), found


def test_rows_of_a_collector_have_words_and_growing_ages() -> None:
    script = """
        const [feed] = given.feeds
        const rows = [100, 60000].map((since) => module.collectorRows(feed, since))
        return [...rows, ...[100, 60000].map((since) => module.connectionRows(feed, since))]
    """
    fresh, old, connections, known = run_module(
        "developer/status_facts.js", script, status_answer()
    )
    cells = ["0/1", "reporting", "0.5 s", "db, 7", "12", "1 asked, 1 live", "0", "1,200", "ok"]
    assert fresh == [{"status": "live", "cells": cells}]
    assert old[0]["cells"][1:3] == ["silent", "60 s"]
    assert [connections[0]["status"], connections[0]["cells"][2]] == ["live", "live"]
    assert [known[0]["status"], known[0]["cells"][2]] == ["stale", "was live"]
    assert connections[0]["cells"][3:5] == ["05:09:03 UTC", "—"]
