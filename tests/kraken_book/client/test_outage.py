"""Outages: when they are logged, and their reason."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from kraken_book import Unreachable
from kraken_book.client.outage import Outage
from lab.waiting import wait_until
from tests.kraken_book.client.clock import Clock
from tests.kraken_book.client.reader import quick_watch


def test_long_outage_is_logged_every_30_s_and_at_its_end(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level(logging.INFO, "kraken_book.client")
    outage = Outage("http://here", clock=clock)
    for _ in range(61):
        outage.report("connection refused")
        clock.now += 1.0
    outage.end()
    first, second, third, last = caplog.messages
    assert first.startswith("http://here: no stream: connection refused; trying again; ")
    assert "`make run`" in first
    assert second.startswith("http://here: no stream for 30 s: connection refused")
    assert third.startswith("http://here: no stream for 60 s")
    assert last == "http://here: stream is back"
    assert outage.reason is None


def test_end_of_an_outage_that_was_not_logged_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Outage("http://here").end()
    assert not caplog.messages


def test_outage_without_any_answer_ends_with_an_error(clock: Clock) -> None:
    outage = Outage("http://here", give_up_after=10.0, clock=clock)
    outage.report("connection refused")
    clock.now += 10.0
    with pytest.raises(Unreachable, match=r"^http://here: nothing answered for 10 s \(no host\)"):
        outage.report("no host")


def test_outage_after_an_answer_has_no_time_limit(clock: Clock) -> None:
    outage = Outage("http://here", give_up_after=10.0, clock=clock)
    outage.record_answer()
    clock.now += 1000.0
    outage.report("connection refused")
    assert outage.seconds_left() is None


def test_watch_without_an_api_logs_one_line_and_shows_the_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "kraken_book.client")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    books = quick_watch(url)

    async def follow() -> None:
        async for _ in books:
            pass

    async def scene() -> None:
        following = asyncio.create_task(follow())
        await asyncio.to_thread(wait_until, lambda: caplog.messages, "the outage is logged")
        assert books.outage is not None
        following.cancel()
        await asyncio.wait([following])

    asyncio.run(scene())
    (line,) = caplog.messages
    assert "no stream" in line
