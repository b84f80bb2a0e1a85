"""A run: processes under load, a fault every second, and what stands in the end."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from lab.processes import Api, Collector, Simulator, Stage, Streams, eventually
from lab.readers.client_reader import ClientReader
from simulator.market.catalogue import CATALOGUE
from tools.soak.evidence import Evidence
from tools.soak.faults import FaultMaker, name_of
from tools.soak.gauge import Gauge

# As many of the moves of 200 of these markets show in the best ten, measured.
SHOWN = 0.525
# The busiest: an api's memory of their last events is full before it is measured.
READ = ("BTC/USD", "ETH/USD", "SOL/USD")
FAULT_SECONDS = 1.0
# A refused symbol is asked for again after 60 s, and an answer waited for 10 s.
LIVE_LIMIT_SECONDS = 90.0
UPDATES_AFTER_LAST_FAULT = 5
# Longer than all that comes after the run: the markets stand still while books are compared.
STILL_SECONDS = 3600
_MORE_THAN_ALL = 10**9
# Of memory: an allocator's pages come and go; what leaks grows by more in three fifths of a run.
MOST_GROWTH = 0.1


@dataclass(frozen=True)
class Options:
    """What is run."""

    seconds: float
    symbols: int
    rate: float
    seed: int


@dataclass
class Outcome:
    """What a run came to."""

    options: Options
    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    """How long there were faults."""
    updates: int = 0
    """That the collector verified in that time."""
    rates: list[float] = field(default_factory=list)
    """How many they were a second, from one fault to the next."""
    cpu: dict[str, float] = field(default_factory=dict)
    """By service, its share of one core in that time."""
    live_after: float = 0.0
    """Seconds from the last fault until every book was live."""
    verified: int = 0
    """Updates that the collector verified, over all."""
    health: dict[str, Any] = field(default_factory=dict)
    """What the collector says of itself in the end."""
    evidence: Evidence = field(default_factory=Evidence)
    missed: int = 0
    """Events that the readers were told they missed."""
    wrong: list[str] = field(default_factory=list)


def symbols_of(count: int) -> tuple[str, ...]:
    """So many: the catalogue's, whose busiest move often, and made-up ones."""
    made_up = (f"S{number:03}/USD" for number in range(count))
    return (*CATALOGUE, *made_up)[:count]


class Soak:
    """The processes of a run; `gauge` has their memory, `outcome` what it came to."""

    def __init__(self, stage: Stage, options: Options, say: Callable[[str], None]) -> None:
        self.outcome = Outcome(options)
        self._options = options
        self._say = say
        self._symbols = symbols_of(options.symbols)
        redis = stage.redis()
        self._simulator: Simulator = stage.simulator(
            *("--symbols", ",".join(self._symbols), "--rate", str(options.rate / SHOWN)),
            *("--control", "0", "--log-level", "warning"),
        )
        self._collector: Collector = stage.collector(
            redis.url,
            self._simulator.url,
            KRAKEN_SYMBOLS=",".join(self._symbols),
            # The most that it takes: here connections end more often than any exchange ends them.
            KRAKEN_CONNECTS_PER_10_MIN="150",
            STREAM_MAXLEN=str(_MORE_THAN_ALL),
            STREAM_RETENTION="86400",
            LOG_LEVEL="error",
        )
        self._api: Api = stage.api(redis.url, LOG_LEVEL="error")
        self._streams = Streams(redis.url)
        stage.undo(self._streams.close)
        self._collector.wait_until_live(len(self._symbols))
        self._api.wait_until_live(*READ)
        self.gauge = Gauge([self._collector, self._api])

    def run(self) -> None:
        """All of it; raises AssertionError where not all is right again in time."""
        outcome = self.outcome
        with ExitStack() as reading:
            readers = [reading.enter_context(ClientReader(self._api.url, s)) for s in READ]
            with self.gauge:
                self._let_faults_happen()
            self._wait_until_all_is_live()
            self._wait_until_all_moved()
            self._compare_books()
            outcome.verified = self._verified()
            outcome.health = self._collector.get("/healthz").json()
            outcome.missed = sum(reader.record.account.tally.missed for reader in readers)
            outcome.wrong += [reader.error for reader in readers if reader.error is not None]
        outcome.wrong += [
            f"the {service.name} said: {service.log[-2000:]}"
            for service in (self._collector, self._api)
            if "Traceback" in service.log
        ]
        self._say("reading all streams back")
        for symbol in self._symbols:
            outcome.evidence.add(symbol, self._streams)

    def _let_faults_happen(self) -> None:
        outcome, faults = self.outcome, FaultMaker(self._symbols, self._options.seed)
        services = (self._simulator, self._collector, self._api)
        busy = [service.cpu_seconds() for service in services]
        begun, verified = time.monotonic(), self._verified()
        due = at = begun
        count = verified
        while due < begun + self._options.seconds:
            for fault in faults.next():
                self._simulator.fault(fault)
                outcome.faults[name_of(fault)] += 1
            due += FAULT_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))
            before, count, since, at = count, self._verified(), at, time.monotonic()
            outcome.rates.append((count - before) / (at - since))
            for service in services:
                assert service.process.poll() is None, f"the {service.name} ended\n{service.log}"
        outcome.seconds = time.monotonic() - begun
        outcome.updates = self._verified() - verified
        outcome.cpu = {
            service.name: (service.cpu_seconds() - before) / outcome.seconds
            for service, before in zip(services, busy, strict=True)
        }

    def _wait_until_all_is_live(self) -> None:
        self._simulator.lift_faults()
        begun, count = time.monotonic(), len(self._symbols)
        live = self._collector.live
        eventually(lambda: live() == count or None, "all books are live", LIVE_LIMIT_SECONDS)
        self.outcome.live_after = time.monotonic() - begun

    def _wait_until_all_moved(self) -> None:
        """Return once every book had updates that would have told that it is wrong."""
        ends = {symbol: self._streams.last_seq(symbol) for symbol in self._symbols}
        for symbol, seq in ends.items():
            self._streams.wait_for_seq(symbol, seq + UPDATES_AFTER_LAST_FAULT)
        count = len(self._symbols)
        eventually(lambda: self._collector.live() == count or None, "all books are live")

    def _compare_books(self) -> None:
        """Let the markets stand still, and compare every hash with the exchange's own book."""
        for symbol in self._symbols:
            self._simulator.fault(f"silence?symbol={symbol}&seconds={STILL_SECONDS}")
        for symbol in self._symbols:
            market = self._simulator.book(symbol)
            eventually(lambda s=symbol, m=market: self._is_in_redis(s, m), f"{symbol} is as it is")  # type: ignore[misc]

    def _is_in_redis(self, symbol: str, market: dict[str, Any]) -> bool:
        book = self._streams.book(symbol)
        sides = [json.loads(book[side]) for side in ("bids", "asks")]
        return book["status"] == "live" and sides == [market["bids"], market["asks"]]

    def _verified(self) -> int:
        return int(self._collector.metric("kraken_book_verified_total", kind="update"))


def wrong_in(outcome: Outcome, gauge: Gauge, judged: Sequence[str]) -> list[str]:
    """What should not have been; the memory of those that are `judged` must not have grown."""
    evidence = outcome.evidence
    wrong = [*outcome.wrong, *evidence.broken]
    found = evidence.updates + evidence.conflated
    if found != outcome.verified:
        wrong.append(f"{outcome.verified:,} updates were verified, {found:,} are in the streams")
    placed = evidence.events + evidence.conflated + evidence.uncounted
    if placed != evidence.numbers:
        wrong.append(f"of {evidence.numbers:,} numbers {placed:,} have a place")
    if outcome.missed:
        wrong.append(f"readers missed {outcome.missed:,} events")
    for name in judged:
        growth = gauge.growth(name)
        if growth.share > MOST_GROWTH:
            wrong.append(f"the {name}'s memory grew by {growth.share:.0%}")
    return wrong
