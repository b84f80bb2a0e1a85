"""Each symbol has one writer while the number of shards changes."""

from __future__ import annotations

import pytest

from lab.waiting import wait_until
from tests.e2e.shard_scene import (
    DROPPED,
    SYMBOLS,
    WAITING,
    Exchange,
    assert_nothing_is_lost,
    fenced,
    leads,
    shard_names,
)


@pytest.mark.parametrize(
    ("before", "after", "last_first"),
    [(1, 2, False), (2, 1, False), (2, 1, True), (2, 3, False)],
)
def test_shard_count_change_keeps_one_writer_per_symbol(
    exchange: Exchange, before: int, after: int, last_first: bool
) -> None:
    old = exchange.shards(before, (*SYMBOLS, *DROPPED))
    wait_until(lambda: all(map(leads, old)), "the old lead")
    watches = exchange.readers()

    new = exchange.shards(after)
    for each in new:
        each.wait_for_line(WAITING)
        health = each.answers("/healthz").json()
        assert health["epoch"] is None
        assert health["waits_for"]["shard"] in shard_names(before)
    wait_until(
        lambda: sum(each.live() for each in new) == len(SYMBOLS),
        "all books of the new shards are live",
    )
    exchange.wait_until_they_move()
    # While both run, there is one writer, no fencing, and no superfluous event.
    assert not any(leads(each) for each in new)
    assert fenced(*old, *new) == 0
    assert {len(epochs) for epochs in exchange.epochs().values()} == {1}
    assert_nothing_is_lost(watches, exchange.streams)

    for each in reversed(old) if last_first else old:
        assert each.stop() == 0
    exchange.wait_until_led(new, after)
    exchange.wait_until_they_move()
    assert_nothing_is_lost(watches, exchange.streams)
    assert fenced(*new) == 0
    assert {len(epochs) for epochs in exchange.epochs().values()} == {2}
    for each in new:
        assert each.answers("/healthz").json()["waits_for"] is None
        assert each.metric("kraken_book_resyncs_total") == 0
