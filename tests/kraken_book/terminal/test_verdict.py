"""Statuses on the screen: no book is shown as live unless its stream and `/books` agree."""

from __future__ import annotations

import msgspec
import pytest

from kraken_book.terminal.books_poll import PolledBook
from kraken_book.terminal.verdict import judge
from lab.scripted_api import ScriptedApi, ScriptedMarket
from tests.kraken_book.terminal.shown import Shown, shown

BARS = set("█▉▊▋▌▍▎▏")


def has_bars(terminal: Shown, symbol: str = "BTC/USD") -> bool:
    return bool(BARS & set("".join(terminal.ladder(symbol))))


def is_dimmed(terminal: Shown, text: str) -> bool:
    """Return whether a text on the screen has the style of books that are not live."""
    for line in terminal.segments:
        for segment in line:
            if text in segment.text:
                assert segment.style is not None
                return segment.style.color == terminal.app.palette.unsure.color
    raise AssertionError(f"{text} is not on the screen")


def polled_rows(terminal: Shown, seq: int) -> list[PolledBook]:
    return [msgspec.structs.replace(row, seq=seq) for row in terminal.app.board.rows]


@pytest.mark.parametrize(
    ("polled", "reason"),
    [
        (PolledBook("A/B", "asked", "unreachable"), "Kraken cannot be reached"),
        (PolledBook("A/B", "asked"), "waiting for the first book"),
        (None, "waiting for the first book"),
    ],
)
def test_missing_book_has_the_reason_of_books(polled: PolledBook | None, reason: str) -> None:
    verdict = judge(None, polled, None, None, 0.0)
    assert verdict.status == "syncing"
    assert verdict.reason is not None
    assert verdict.reason.startswith(reason)


async def test_live_book_shows_levels_and_verified_events(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "btc-usd") as terminal:
        await terminal.until_ladder_shows("● live", "simulated", "1 verified · seq 1 · age 0.4 s")
        btc.update(bids=[("63384.5", "0.00000000"), ("63384.4", "7.00000000")])
        await terminal.until_ladder_shows("2 verified · seq 2", "spread 0.2", "7.00000000")
        lines = terminal.ladder("BTC/USD")
        middle = next(y for y, line in enumerate(lines) if "spread" in line)
        prices = [line.split()[1] for y, line in enumerate(lines[1:-1], 1) if y != middle]
        assert prices == sorted(prices, reverse=True)
        assert lines[middle - 1].split()[1:3] == ["63384.6", "0.05000000"]
        assert lines[middle + 1].split()[1:3] == ["63384.4", "7.00000000"]
        assert has_bars(terminal)


async def test_doubted_book_shows_no_levels_until_a_snapshot(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_ladder_shows("● live", "63384.6")
        btc.update(bids=[("63384.5", "9.00000000")], is_lie=True)
        doubted = "◐ syncing", "checksum mismatch: asking for it again"
        text = await terminal.until_ladder_shows(*doubted)
        assert "63384" not in text
        assert "spread" not in text
        await terminal.until_ladder_shows("● live", "9.00000000", "1 doubt")


async def test_stale_book_is_dimmed(api: ScriptedApi, btc: ScriptedMarket) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_ladder_shows("● live", "63384.6")
        assert has_bars(terminal)
        assert not is_dimmed(terminal, "63390.9")
        btc.status("stale", "age", by_api=True)
        await terminal.until_ladder_shows("▲ stale", "not known to match Kraken now", "63390.9")
        assert not has_bars(terminal)
        assert "spread" not in terminal.ladder_text("BTC/USD")
        assert is_dimmed(terminal, "63390.9")
        btc.status("live", by_api=True)
        await terminal.until_ladder_shows("● live", "spread 0.1")


async def test_collector_status_is_shown_with_its_reason(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_ladder_shows("● live")
        btc.status("syncing", "connection \x1b[2Jlost")
        await terminal.until_ladder_shows("◐ syncing", "connection ?[2Jlost")
        btc.send_snapshot(conflated=7)
        await terminal.until_ladder_shows("● live", "7 conflated")


async def test_missed_events_are_shown_until_the_snapshot_and_then_counted(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_ladder_shows("● live")
        btc.lag(12)
        await terminal.until_ladder_shows("◐ syncing", "this reader fell behind")
        btc.send_snapshot(conflated=12)
        await terminal.until_ladder_shows("● live", "1 lagged · 12 missed")


async def test_stream_that_is_behind_books_is_stale(api: ScriptedApi, btc: ScriptedMarket) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_ladder_shows("● live")
        btc.row["seq"] = 5
        terminal.app.apply_books(polled_rows(terminal, seq=5))
        assert terminal.app.board.verdict("BTC/USD").reason is None
        terminal.app.apply_books(polled_rows(terminal, seq=6))
        assert terminal.app.board.verdict("BTC/USD").status == "stale"


async def test_refused_symbol_shows_its_reason(api: ScriptedApi, btc: ScriptedMarket) -> None:
    nothing = dict.fromkeys(("age_ms", "best_bid", "best_ask", "spread", "seq"))
    btc.row |= {"status": "refused", "reason": "Currency pair not supported", **nothing}
    async with shown(api, "BTC/USD", "ETH/USD", size=(120, 36)) as terminal:
        await terminal.until_ladder_shows("x refused", "Currency pair not supported")
        assert "63384" not in terminal.ladder_text("BTC/USD")
        row = next(line for line in terminal.lines if "1 BTC/USD" in line)
        assert "x refused" in row
        assert "Currency pair not" in row


async def test_stopped_api_is_shown_and_all_books_are_stale_until_it_starts(
    api: ScriptedApi, btc: ScriptedMarket, caplog: pytest.LogCaptureFixture
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_ladder_shows("● live", "63384.6")
        await api.stop()
        await terminal.until_shown("; trying again …")
        await terminal.until_ladder_shows("▲ stale", "last known book")
        assert not has_bars(terminal)
        terminal.app.board.record_failure("the api does not answer")
        await terminal.until_shown(": the api does not answer; trying again …")
        btc.update(bids=[("63384.5", "9.00000000")])
        await api.start()
        await terminal.until_ladder_shows("● live", "9.00000000")
        await terminal.until_gone("trying again")
        assert has_bars(terminal)


async def test_lost_stream_is_shown_until_it_is_back(
    api: ScriptedApi,
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_ladder_shows("● live")
        api.has_streams = False
        api.cut_streams()
        await terminal.until_shown("no stream: 503, no streams today; trying again …")
        await terminal.until_ladder_shows("▲ stale", "the stream was lost")
        api.has_streams = True
        await terminal.until_ladder_shows("● live")
        await terminal.until_gone("trying again")


async def test_no_book_is_live_while_books_fails(api: ScriptedApi, btc: ScriptedMarket) -> None:
    async with shown(api, "BTC/USD", size=(120, 36)) as terminal:
        await terminal.until_ladder_shows("● live")
        api.has_books = False
        await terminal.until_shown("the api answers 503: no books today; trying again …")
        btc.update(bids=[("63384.5", "9.00000000")])
        await terminal.until_ladder_shows("▲ stale", "last known book: the api answers 503")
        assert "0 of 3 books live" in terminal.text


async def test_table_and_ladder_show_the_same_status(api: ScriptedApi, btc: ScriptedMarket) -> None:
    async with shown(api, "BTC/USD", size=(160, 36)) as terminal:
        await terminal.until_ladder_shows("● live")
        await terminal.until_shown("3 of 3 books live")
        btc.status("stale", "age", by_api=True)
        await terminal.until_ladder_shows("▲ stale")
        await terminal.until_shown("2 of 3 books live")
        row = next(line for line in terminal.lines if "1 BTC/USD" in line and "63384.5" in line)
        assert "▲ stale" in row


async def test_no_row_is_live_while_books_fails(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD", size=(160, 36)) as terminal:
        await terminal.until_shown("● live")
        api.has_books = False
        await terminal.until_gone("● live")


async def test_book_confirmed_in_the_future_is_stale(api: ScriptedApi) -> None:
    api.markets["ETH/USD"].row |= {"age_ms": -3_600_000}
    async with shown(api, "BTC/USD", size=(160, 36)) as terminal:
        await terminal.until_live("BTC/USD")
        row = next(line for line in terminal.lines if "ETH/USD" in line)
        assert "▲ stale" in row
        assert "-3600" not in row
        await terminal.until_shown("2 of 3 books live")


async def test_reason_is_shown_in_words(api: ScriptedApi, btc: ScriptedMarket) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_ladder_shows("● live")
        btc.status("syncing", "silent")
        await terminal.until_ladder_shows("◐ syncing", "Kraken fell silent")
