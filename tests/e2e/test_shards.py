"""Each symbol has one writer, also while the number of shards changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx
import pytest

from lab.services import Api, Collector, SimulatorProcess
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

# Symbols of both halves, and of two of three thirds.
SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD")
# One symbol of each half; the new shards do not follow them.
DROPPED = ("LTC/USD", "DOT/USD")
WAITING = "a shard of another count leads symbols of this one, waiting until it is stopped"


@dataclass
class Market:
    """Redis, a simulator and an api, which all tests share."""

    redis: EmbeddedRedis
    simulator: SimulatorProcess
    api: Api


@pytest.fixture(scope="module")
def market(module_stage: Stage) -> Market:
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", ",".join(SYMBOLS + DROPPED), "--rate", "100")
    return Market(redis, simulator, module_stage.api(redis.url))


class Exchange:
    """An empty Redis, and the collectors of old and new shards."""

    def __init__(self, market: Market, stage: Stage) -> None:
        self._market = market
        self._stage = stage
        self.streams = StoredBooks(market.redis.url)
        # All collectors of the previous test have ended.
        self.streams.client.flushall()
        self._watches: dict[str, StreamWatch] = {}

    def close(self) -> None:
        """Close the readers while events still wake their threads."""
        for each in self._watches.values():
            each.leave()
        self.streams.close()

    def shards(self, count: int, symbols: Sequence[str] = SYMBOLS) -> list[Collector]:
        """Start the collectors of all `count` shards."""
        return [self.shard(f"{index}/{count}", symbols) for index in range(count)]

    def shard(self, name: str, symbols: Sequence[str] = SYMBOLS) -> Collector:
        return self._stage.collector(
            self._market.redis.url,
            self._market.simulator.url,
            KRAKEN_SYMBOLS=",".join(symbols),
            COLLECTOR_SHARD=name,
            COLLECTOR_LEASE="2",
        )

    def readers(self) -> dict[str, StreamWatch]:
        """Open a reader of each symbol; return when each has a book."""
        api = self._market.api
        api.wait_until_live(*SYMBOLS)
        for symbol in SYMBOLS:
            self._watches[symbol] = api.watch(symbol)
            self._watches[symbol].wait_for_seq(10)
        return self._watches

    def wait_until_they_move(self) -> None:
        for symbol in SYMBOLS:
            self.streams.wait_for_seq(symbol, self.streams.last_seq(symbol) + 5)

    def epochs(self) -> dict[str, list[int]]:
        """Return the epochs of each symbol's stream in order."""
        return {
            symbol: list(dict.fromkeys(event["epoch"] for event in self.streams.events(symbol)))
            for symbol in SYMBOLS
        }

    def wait_until_led(self, collectors: Sequence[Collector], count: int) -> None:
        """Return when these lead, each symbol has its shard's epoch, and no old key is left."""
        wait_until(lambda: all(map(leads, collectors)), "all lead")
        wait_until(lambda: self.is_led(collectors, count), f"{count} lead, nothing else stays")

    def is_led(self, collectors: Sequence[Collector], count: int) -> bool:
        names, states = shard_names(count), self.streams.states()
        return (
            self._keys() == expected_keys(count)
            and self._fields() == names
            and states.keys() == set(SYMBOLS)
            and {state["shard"] for state in states.values()} <= names
            # Last, because it reads every event.
            and self._is_written_by(collectors)
        )

    def _is_written_by(self, collectors: Sequence[Collector]) -> bool:
        owners = {int(each.metric("kraken_book_epoch")) for each in collectors}
        epochs = {symbol: found[-1] for symbol, found in self.epochs().items()}
        shards = {symbol: state["shard"] for symbol, state in self.streams.states().items()}
        pairs = {(shards.get(symbol), epoch) for symbol, epoch in epochs.items()}
        live = all(self.streams.ladder(symbol).status == "live" for symbol in SYMBOLS)
        # Each shard has one epoch, and each epoch one shard.
        return live and {epoch for _, epoch in pairs} <= owners and len(dict(pairs)) == len(pairs)

    def _keys(self) -> set[str]:
        return set(map(str, self.streams.client.keys("*")))

    def _fields(self) -> set[str]:
        return set(map(str, self.streams.client.hkeys("kraken:feed")))


@pytest.fixture
def exchange(market: Market, stage: Stage) -> Iterator[Exchange]:
    opened = Exchange(market, stage)
    yield opened
    opened.close()


def leads(collector: Collector) -> bool:
    """Return whether the collector publishes; False if it does not answer yet."""
    try:
        return collector.metric("kraken_book_leading") == 1
    except httpx.TransportError:
        return False


def fenced(*collectors: Collector) -> float:
    return sum(
        each.metric("kraken_book_write_refusals_total", word="FENCED") for each in collectors
    )


def shard_names(count: int) -> set[str]:
    return {f"{index}/{count}" for index in range(count)}


def expected_keys(count: int) -> set[str]:
    books = {f"kraken:{kind}:{{{symbol}}}" for kind in ("book", "events") for symbol in SYMBOLS}
    leases = {f"kraken:lease:{{{name}}}" for name in shard_names(count)}
    return books | leases | {"kraken:wake", "kraken:symbols", "kraken:feed"}


def assert_nothing_is_lost(watches: dict[str, StreamWatch], streams: StoredBooks) -> None:
    """Assert that every reader has a correct book and every number so far."""
    for symbol, each in watches.items():
        each.wait_for_seq(streams.last_seq(symbol))
        each.check()
        # None: the book was live when the reader joined, and has not changed its status.
        assert each.ladder.status in (None, "live"), symbol
        assert each.ladder.counts.lagged == 0, symbol
        assert each.ladder.counts.jumps == 0, symbol


def test_two_shards_publish_every_symbol_once(exchange: Exchange) -> None:
    halves = exchange.shards(2)
    exchange.wait_until_led(halves, 2)
    watches = exchange.readers()
    exchange.wait_until_they_move()
    assert sum(each.live() for each in halves) == len(SYMBOLS)
    assert all(each.live() for each in halves)
    assert_nothing_is_lost(watches, exchange.streams)
    assert fenced(*halves) == 0


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
        told = each.answers("/healthz").json()
        assert told["epoch"] is None
        assert told["waits_for"]["shard"] in shard_names(before)
    wait_until(lambda: sum(each.live() for each in new) == len(SYMBOLS), "all are warm")
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
    wait_until(lambda: old.live() == len(SYMBOLS) + len(DROPPED), "it is warm")
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
    wait_until(lambda: sum(each.live() for each in new) == len(SYMBOLS), "all are warm")
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
