"""The terminal's start, its errors, and the texts of its screen."""

from __future__ import annotations

import logging
from itertools import chain, repeat

import pytest

from lab.canned_api import CannedApi
from lab.scripted_api import ScriptedApi, ScriptedMarket
from tests.kraken_book.terminal.shown import shown


async def test_terminal_waits_for_an_api_that_starts_later(api: ScriptedApi) -> None:
    await api.stop()
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_shown("the api does not answer; trying again …", "no book yet")
        await api.start()
        await terminal.until_live("BTC/USD")
        await terminal.until_gone("trying again")


async def test_unknown_symbol_exits_with_suggestions(
    api: ScriptedApi,
) -> None:
    async with shown(api, "BTC/USDT", "ETH/USD") as terminal:
        await terminal.until(lambda: not terminal.app.is_running, "the terminal has exited")
    assert terminal.app.return_code == 2
    assert terminal.app.return_value == ("there is no book of 'BTC/USDT'; did you mean BTC/USD?")


async def test_wrong_key_exits_and_right_key_is_accepted(
    api: ScriptedApi,
) -> None:
    api.key = "s3cret"
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until(lambda: not terminal.app.is_running, "the terminal has exited")
    assert terminal.app.return_code == 2
    assert terminal.app.return_value == "401, no such key"
    async with shown(api, "BTC/USD", key="s3cret") as terminal:
        await terminal.until_live("BTC/USD")


async def test_first_books_that_are_not_refused_have_ladders_by_default(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    btc.row["status"] = "refused"
    async with shown(api) as terminal:
        await terminal.until_live("ETH/USD", "SOL/USD")
        assert list(terminal.app.ladders.symbols) == ["ETH/USD", "SOL/USD"]


async def test_star_shows_every_book_even_later_ones(api: ScriptedApi) -> None:
    async with shown(api, "*", size=(160, 24)) as terminal:
        await terminal.until_live("SOL/USD")
        assert api.streams_asked == ["*"]
        market = api.market("XRP/USD", [("2.1", "1")], [("2.2", "1")])
        market.send_snapshot()
        await terminal.until_shown("4 XRP/USD", "spread 0.1")


async def test_log_of_the_client_is_not_on_the_screen(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        logging.getLogger("kraken_book.client").warning("a line of the log")
        await terminal.press("question_mark")
        assert "a line of the log" not in terminal.text


async def test_hostile_text_is_shown_without_control_characters(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    evil = "[red]a\x1b[2J\x9b\u202e\nb[/red]"
    btc.row |= {"status": "refused", "reason": evil}
    api.markets["ETH/USD"].row |= {"symbol": f"{evil}/USD" + "x" * 5000, "status": evil}
    async with shown(api, "BTC/USD", size=(160, 36)) as terminal:
        await terminal.until_ladder_shows("x refused", "[red]a?[2J?? b[/red]")
        assert all(line.isprintable() for line in terminal.lines)
        assert "best bid" in terminal.text, "a long name must not hide other columns"


async def test_every_unknown_name_is_reported(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USDT", "NOPE", "ETH/USD") as terminal:
        await terminal.until(lambda: not terminal.app.is_running, "the terminal has exited")
    assert "there is no book of 'BTC/USDT'; did you mean" in str(terminal.app.return_value)
    assert "there is no book of 'NOPE'" in str(terminal.app.return_value)


@pytest.mark.parametrize("part", ["stream", "poll"])
async def test_failed_task_exits_with_its_error(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a [bug]\x1b")

    target = {
        "stream": "client.live_book.LiveBook.apply",
        "poll": "terminal.board.Board.record_answer",
    }
    monkeypatch.setattr(f"kraken_book.{target[part]}", fail)
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until(lambda: not terminal.app.is_running, "the terminal has exited")
    assert terminal.app.return_code == 1
    assert terminal.app.return_value == "this terminal failed: RuntimeError: a [bug]?"


async def test_endless_answer_of_books_is_not_read() -> None:
    books = chain([b"HTTP/1.1 200 OK\r\n\r\n["], repeat(b" " * 65536))
    with CannedApi(*[books] * 3) as canned:
        async with shown(canned.url, "BTC/USD") as terminal:
            await terminal.until_shown("the answer has more than")
        assert canned.bytes_sent < 100 << 20


async def test_number_of_hidden_ladders_is_shown(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_shown("ladder 1/3, 1 hidden")
        await terminal.resize(160, 36)
        await terminal.until_gone("hidden")
