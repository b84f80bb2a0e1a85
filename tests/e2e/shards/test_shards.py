"""Each symbol has one writer, also when shards start together, hang or are killed."""

from __future__ import annotations

from lab.waiting import wait_until
from tests.e2e.shard_scene import (
    DROPPED,
    SYMBOLS,
    WAITING,
    Exchange,
    assert_nothing_is_lost,
    fenced,
    leads,
)


def test_two_shards_publish_every_symbol_once(exchange: Exchange) -> None:
    halves = exchange.shards(2)
    exchange.wait_until_led(halves, 2)
    watches = exchange.readers()
    exchange.wait_until_they_move()
    assert sum(each.live() for each in halves) == len(SYMBOLS)
    assert all(each.live() for each in halves)
    assert_nothing_is_lost(watches, exchange.streams)
    assert fenced(*halves) == 0


def test_new_shards_take_over_from_killed_old_shard(exchange: Exchange) -> None:
    old = exchange.shard("0/1", (*SYMBOLS, *DROPPED))
    watches = exchange.readers()
    new = exchange.shards(2)
    for each in new:
        each.wait_for_line(WAITING)
    exchange.wait_until_they_move()
    old.kill()
    exchange.wait_until_led(new, 2)

    # The restarted old shard waits as a standby and fences nobody.
    old.restart()
    old.wait_for_line(WAITING)
    wait_until(
        lambda: old.live() == len(SYMBOLS) + len(DROPPED), "all books of the old shard are live"
    )
    exchange.wait_until_they_move()
    assert_nothing_is_lost(watches, exchange.streams)
    assert {len(epochs) for epochs in exchange.epochs().values()} == {2}
    assert fenced(*new, old) == 0
    exchange.wait_until_led(new, 2)


def test_old_leader_that_hung_during_change_leaves_nothing(exchange: Exchange) -> None:
    old = exchange.shard("0/1", (*SYMBOLS, *DROPPED))
    watches = exchange.readers()
    new = exchange.shards(2)
    for each in new:
        each.wait_for_line(WAITING)
    wait_until(
        lambda: sum(each.live() for each in new) == len(SYMBOLS),
        "all books of the new shards are live",
    )
    old.freeze()
    exchange.wait_until_led(new, 2)

    old.resume()
    old.wait_for_line(WAITING)
    exchange.wait_until_they_move()
    assert_nothing_is_lost(watches, exchange.streams)
    assert not leads(old)
    assert {len(epochs) for epochs in exchange.epochs().values()} == {2}
    assert old.stop() == 0
    exchange.wait_until_led(new, 2)


def test_overlapping_shards_started_together_settle(exchange: Exchange) -> None:
    one, *halves = [exchange.shard("0/1"), *exchange.shards(2)]
    for symbol in SYMBOLS:
        exchange.streams.wait_for_seq(symbol, 20)

    def settled() -> bool:
        led = [each for each in (one, *halves) if leads(each)]
        return led in ([one], halves) and exchange.is_led(led, len(led))

    wait_until(settled, "either the one or the halves lead")
    epochs = exchange.epochs()
    exchange.wait_until_they_move()
    assert {symbol: found[-1] for symbol, found in exchange.epochs().items()} == {
        symbol: found[-1] for symbol, found in epochs.items()
    }
    # If both led, they did so once.
    assert max(len(found) for found in epochs.values()) <= 3
