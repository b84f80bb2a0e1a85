"""Nothing that is not known to be right is shown as if it were, and why is said in its place."""

from __future__ import annotations

import logging
from itertools import chain, repeat

import msgspec
import pytest

from kraken_book.terminal.app import TerminalApp
from kraken_book.terminal.books_poll import PolledBook
from kraken_book.terminal.verdict import judge
from lab.canned_api import CannedApi as FakeApi
from lab.scripted_api import ScriptedApi, ScriptedMarket
from tests.kraken_book.terminal.shown import Shown, shown

BARS = set("█▉▊▋▌▍▎▏")


@pytest.fixture
def btc(api: ScriptedApi) -> ScriptedMarket:
    return api.markets["BTC/USD"]


def _has_bars(terminal: Shown, symbol: str = "BTC/USD") -> bool:
    return bool(BARS & set("".join(terminal.ladder(symbol))))


def _ladder(terminal: Shown) -> str:
    return "\n".join(terminal.ladder("BTC/USD"))


async def _until_ladder_says(terminal: Shown, *words: str) -> None:
    await terminal.until(
        lambda: all(word in _ladder(terminal) for word in words),
        f"the ladder says {words}",
    )


@pytest.mark.parametrize(
    ("polled", "why"),
    [
        (PolledBook("A/B", "asked", "unreachable"), "Kraken cannot be reached"),
        (PolledBook("A/B", "asked"), "waiting for the first book"),
        (None, "waiting for the first book"),
    ],
)
def test_missing_book_is_explained_by_its_cause(polled: PolledBook | None, why: str) -> None:
    verdict = judge(None, polled, None, None, 0.0)
    assert verdict.status == "syncing"
    assert verdict.why is not None
    assert verdict.why.startswith(why)


async def test_a_live_book_is_shown_level_by_level_with_what_was_verified(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "btc-usd") as terminal:
        await _until_ladder_says(terminal, "● live", "simulated", "1 verified · seq 1 · age 0.4 s")
        btc.update(bids=[("63384.5", "0.00000000"), ("63384.4", "7.00000000")])
        await _until_ladder_says(terminal, "2 verified · seq 2", "spread 0.2", "7.00000000")
        lines = terminal.ladder("BTC/USD")
        middle = next(y for y, line in enumerate(lines) if "spread" in line)
        prices = [line.split()[1] for y, line in enumerate(lines[1:-1], 1) if y != middle]
        assert prices == sorted(prices, reverse=True)
        assert lines[middle - 1].split()[1:3] == ["63384.6", "0.05000000"]
        assert lines[middle + 1].split()[1:3] == ["63384.4", "7.00000000"]
        assert _has_bars(terminal)


async def test_a_doubted_book_shows_no_levels_and_comes_back(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await _until_ladder_says(terminal, "● live", "63384.6")
        btc.update(bids=[("63384.5", "9.00000000")], is_lie=True)
        await _until_ladder_says(terminal, "◐ syncing", "checksum mismatch: asking for it again")
        assert "63384" not in _ladder(terminal)
        assert "spread" not in _ladder(terminal)
        await _until_ladder_says(terminal, "● live", "9.00000000", "1 doubt")


async def test_a_stale_book_is_dimmed_and_says_so(api: ScriptedApi, btc: ScriptedMarket) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await _until_ladder_says(terminal, "● live", "63384.6")
        assert _has_bars(terminal)
        assert not _dimmed(terminal.app, "63390.9")
        btc.status("stale", "age", by_api=True)
        await _until_ladder_says(terminal, "▲ stale", "not known to match Kraken now", "63390.9")
        assert not _has_bars(terminal)
        assert "spread" not in _ladder(terminal)
        assert _dimmed(terminal.app, "63390.9")
        btc.status("live", by_api=True)
        await _until_ladder_says(terminal, "● live", "spread 0.1")


async def test_a_status_of_the_collector_is_told_with_its_reason(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await _until_ladder_says(terminal, "● live")
        btc.status("syncing", "connection \x1b[2Jlost")
        await _until_ladder_says(terminal, "◐ syncing", "connection ?[2Jlost")
        btc.tell_snapshot(conflated=7)
        await _until_ladder_says(terminal, "● live", "7 conflated")


async def test_a_reader_that_missed_events_says_so_until_the_snapshot_and_counts_it_after(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await _until_ladder_says(terminal, "● live")
        btc.lag(12)
        await _until_ladder_says(terminal, "◐ syncing", "this reader fell behind")
        btc.tell_snapshot(conflated=12)
        await _until_ladder_says(terminal, "● live", "1 lagged · 12 missed")


async def test_a_stream_that_is_behind_what_books_tells_is_not_live(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await _until_ladder_says(terminal, "● live")
        btc.row["seq"] = 5
        terminal.app.take_books(_polled(terminal, seq=5))
        assert terminal.app.board.verdict("BTC/USD").why is None
        terminal.app.take_books(_polled(terminal, seq=6))
        assert terminal.app.board.verdict("BTC/USD").status == "stale"


async def test_a_refused_symbol_says_why(api: ScriptedApi, btc: ScriptedMarket) -> None:
    nothing = dict.fromkeys(("age_ms", "best_bid", "best_ask", "spread", "seq"))
    btc.row |= {"status": "refused", "reason": "Currency pair not supported", **nothing}
    async with shown(api, "BTC/USD", "ETH/USD", size=(120, 36)) as terminal:
        await _until_ladder_says(terminal, "x refused", "Currency pair not supported")
        assert "63384" not in _ladder(terminal)
        row = next(line for line in terminal.lines if "1 BTC/USD" in line)
        assert "x refused" in row
        assert "Currency pair not" in row


async def test_when_the_api_goes_a_banner_says_so_and_all_books_are_stale_until_it_is_back(
    api: ScriptedApi, btc: ScriptedMarket, caplog: pytest.LogCaptureFixture
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await _until_ladder_says(terminal, "● live", "63384.6")
        await api.stop()
        await terminal.until_says("; trying again …")
        await _until_ladder_says(terminal, "▲ stale", "last known book")
        assert not _has_bars(terminal)
        terminal.app.board.take_failure("the api does not answer")
        await terminal.until_says(": the api does not answer; trying again …")
        btc.update(bids=[("63384.5", "9.00000000")])
        await api.start()
        await _until_ladder_says(terminal, "● live", "9.00000000")
        await terminal.until_silent("trying again")
        assert _has_bars(terminal)


async def test_when_a_stream_alone_goes_a_banner_says_so_until_it_is_back(
    api: ScriptedApi,
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await _until_ladder_says(terminal, "● live")
        api.has_streams = False
        api.cut_streams()
        await terminal.until_says("no stream: 503, no streams today; trying again …")
        await _until_ladder_says(terminal, "▲ stale", "the stream is gone")
        api.has_streams = True
        await _until_ladder_says(terminal, "● live")
        await terminal.until_silent("trying again")


async def test_while_books_cannot_be_asked_no_book_is_live_whatever_its_stream_brings(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD", size=(120, 36)) as terminal:
        await _until_ladder_says(terminal, "● live")
        api.has_books = False
        await terminal.until_says("the api answers 503: no books today; trying again …")
        btc.update(bids=[("63384.5", "9.00000000")])
        await _until_ladder_says(terminal, "▲ stale", "last known book: the api answers 503")
        assert "0 of 3 books live" in terminal.text


async def test_an_api_that_is_not_there_at_the_start_is_waited_for(api: ScriptedApi) -> None:
    await api.stop()
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_says("the api does not answer; trying again …", "no book yet")
        await api.start()
        await terminal.until_live("BTC/USD")
        await terminal.until_silent("trying again")


async def test_an_unknown_symbol_at_the_start_ends_it_with_the_nearest_names(
    api: ScriptedApi,
) -> None:
    async with shown(api, "BTC/USDT", "ETH/USD") as terminal:
        await terminal.until(lambda: not terminal.app.is_running, "it has ended")
    assert terminal.app.return_code == 2
    assert terminal.app.return_value == (
        "there is no book of 'BTC/USDT'; did you mean BTC/USD or ETH/USD or SOL/USD?"
    )


async def test_a_key_that_is_refused_ends_it_and_the_right_one_is_sent_with_every_request(
    api: ScriptedApi,
) -> None:
    api.key = "s3cret"
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until(lambda: not terminal.app.is_running, "it has ended")
    assert terminal.app.return_code == 2
    assert terminal.app.return_value == "401, no such key"
    async with shown(api, "BTC/USD", key="s3cret") as terminal:
        await terminal.until_live("BTC/USD")


async def test_without_symbols_the_first_books_that_are_not_refused_have_ladders(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    btc.row["status"] = "refused"
    async with shown(api) as terminal:
        await terminal.until_live("ETH/USD", "SOL/USD")
        assert list(terminal.app.ladders.symbols) == ["ETH/USD", "SOL/USD"]


async def test_a_star_shows_every_book_also_those_that_come_later(api: ScriptedApi) -> None:
    async with shown(api, "*", size=(160, 24)) as terminal:
        await terminal.until_live("SOL/USD")
        assert api.streams_asked == ["*"]
        market = api.market("XRP/USD", [("2.1", "1")], [("2.2", "1")])
        market.tell_snapshot()
        await terminal.until_says("4 XRP/USD", "spread 0.1")


async def test_what_the_client_logs_is_not_on_the_screen(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        logging.getLogger("kraken_book.client").warning("to whom it concerns")
        await terminal.press("question_mark")
        assert "concerns" not in terminal.text


def _dimmed(app: TerminalApp, text: str) -> bool:
    """Whether a text on the screen is in the style of what is not known to be right."""
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            if text in segment.text:
                assert segment.style is not None
                return segment.style.color == app.palette.unsure.color
    raise AssertionError(f"{text} is not on the screen")


def _polled(terminal: Shown, seq: int) -> list[PolledBook]:
    return [msgspec.structs.replace(row, seq=seq) for row in terminal.app.board.rows]


async def test_foreign_text_is_shown_as_text(api: ScriptedApi, btc: ScriptedMarket) -> None:
    evil = "[red]a\x1b[2J\x9b\u202e\nb[/red]"
    btc.row |= {"status": "refused", "reason": evil}
    api.markets["ETH/USD"].row |= {"symbol": f"{evil}/USD" + "x" * 5000, "status": evil}
    async with shown(api, "BTC/USD", size=(160, 36)) as terminal:
        await _until_ladder_says(terminal, "x refused", "[red]a?[2J?? b[/red]")
        assert all(line.isprintable() for line in terminal.lines)
        assert "best bid" in terminal.text, "a long name takes no column from the others"


async def test_table_says_of_a_followed_book_what_its_ladder_says(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD", size=(160, 36)) as terminal:
        await _until_ladder_says(terminal, "● live")
        await terminal.until_says("3 of 3 books live")
        btc.status("stale", "age", by_api=True)
        await _until_ladder_says(terminal, "▲ stale")
        await terminal.until_says("2 of 3 books live")
        row = next(line for line in terminal.lines if "1 BTC/USD" in line and "63384.5" in line)
        assert "▲ stale" in row


async def test_no_row_is_live_while_books_cannot_be_asked(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD", size=(160, 36)) as terminal:
        await terminal.until_says("● live")
        api.has_books = False
        await terminal.until_silent("● live")


async def test_book_confirmed_in_the_future_is_not_live(api: ScriptedApi) -> None:
    api.markets["ETH/USD"].row |= {"age_ms": -3_600_000}
    async with shown(api, "BTC/USD", size=(160, 36)) as terminal:
        await terminal.until_live("BTC/USD")
        row = next(line for line in terminal.lines if "ETH/USD" in line)
        assert "▲ stale" in row
        assert "-3600" not in row
        await terminal.until_says("2 of 3 books live")


async def test_reason_is_told_in_words(api: ScriptedApi, btc: ScriptedMarket) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await _until_ladder_says(terminal, "● live")
        btc.status("syncing", "silent")
        await _until_ladder_says(terminal, "◐ syncing", "Kraken fell silent")


async def test_every_unknown_name_is_told(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USDT", "NOPE", "ETH/USD") as terminal:
        await terminal.until(lambda: not terminal.app.is_running, "it has ended")
    assert "there is no book of 'BTC/USDT'; did you mean" in str(terminal.app.return_value)
    assert "there is no book of 'NOPE'" in str(terminal.app.return_value)


@pytest.mark.parametrize("part", ["stream", "poll"])
async def test_task_that_fails_ends_the_terminal_and_is_told(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a [bug]\x1b")

    target = {
        "stream": "client.live_book.LiveBook.apply",
        "poll": "terminal.board.Board.take_answer",
    }
    monkeypatch.setattr(f"kraken_book.{target[part]}", fail)
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until(lambda: not terminal.app.is_running, "it has ended")
    assert terminal.app.return_code == 1
    assert terminal.app.return_value == "this terminal failed: RuntimeError: a [bug]?"


async def test_books_without_end_are_not_read() -> None:
    books = chain([b"HTTP/1.1 200 OK\r\n\r\n["], repeat(b" " * 65536))
    with FakeApi(*[books] * 3) as fake:
        async with shown(fake.url, "BTC/USD") as terminal:
            await terminal.until_says("the answer has more than")
        assert fake.bytes_sent < 100 << 20


async def test_ladders_that_do_not_fit_are_told(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_says("ladder 1/3, 1 hidden")
        await terminal.resize(160, 36)
        await terminal.until_silent("hidden")
