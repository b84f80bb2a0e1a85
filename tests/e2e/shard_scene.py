"""Collectors of shards on an empty Redis, and assertions on the ownership of symbols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

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
WAITING = "overlapping shard has a leader, waiting"


@dataclass
class Market:
    """Redis, a simulator and an api, which all tests share."""

    redis: EmbeddedRedis
    simulator: SimulatorProcess
    api: Api


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
        wait_until(lambda: all(map(leads, collectors)), "all collectors lead")
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
    return books | leases | {"kraken:wake", "kraken:symbols", "kraken:feed", "kraken-book:venues"}


def assert_nothing_is_lost(watches: dict[str, StreamWatch], streams: StoredBooks) -> None:
    """Assert that every reader has a correct book and every number so far."""
    for symbol, each in watches.items():
        each.wait_for_seq(streams.last_seq(symbol))
        each.check()
        # None: the book was live when the reader joined, and has not changed its status.
        assert each.ladder.status in (None, "live"), symbol
        assert each.ladder.counts.lagged == 0, symbol
        assert each.ladder.counts.jumps == 0, symbol
