"""A run: processes under load, a fault every second, and every stream read back in the end."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from lab.services import Api, Collector, SimulatorProcess
from lab.sse.client_reader import ClientReader
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from simulator.market.catalogue import CATALOGUE
from tools.soak.audit import StreamAudit
from tools.soak.faults import FaultMaker, name_of
from tools.soak.memory import MemorySampler

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
class SoakOptions:
    """The size of a run."""

    seconds: float
    symbols: int
    rate: float
    seed: int


@dataclass
class Outcome:
    """The result of a run."""

    options: SoakOptions
    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    """How long there were faults."""
    updates: int = 0
    """Updates that the collector verified in that time."""
    rates: list[float] = field(default_factory=list)
    """The updates a second, from one fault to the next."""
    cpu: dict[str, float] = field(default_factory=dict)
    """The share of a core that each service used in that time."""
    live_after: float = 0.0
    """Seconds from the last fault until every book was live."""
    verified: int = 0
    """Updates that the collector verified in all."""
    health: dict[str, Any] = field(default_factory=dict)
    """The collector's /healthz in the end."""
    audit: StreamAudit = field(default_factory=StreamAudit)
    missed: int = 0
    """Events that readers were told to have missed."""
    wrong: list[str] = field(default_factory=list)


def symbols_of(count: int) -> tuple[str, ...]:
    """Return so many symbols: the catalogue's, which move often, and made-up ones."""
    made_up = (f"S{number:03}/USD" for number in range(count))
    return (*CATALOGUE, *made_up)[:count]


class SoakRun:
    """The processes of a run; `memory` samples them, `outcome` is the result."""

    def __init__(self, stage: Stage, options: SoakOptions, say: Callable[[str], None]) -> None:
        self.outcome = Outcome(options)
        self._options = options
        self._say = say
        self._symbols = symbols_of(options.symbols)
        redis = stage.redis()
        self._simulator: SimulatorProcess = stage.simulator(
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
        self._streams = StoredBooks(redis.url)
        stage.undo(self._streams.close)
        self._collector.wait_until_live(len(self._symbols))
        self._api.wait_until_live(*READ)
        self.memory = MemorySampler([self._collector, self._api])

    def run(self) -> None:
        """Do all of it; raise AssertionError if not all books are right again in time."""
        outcome = self.outcome
        with ExitStack() as reading:
            readers = [reading.enter_context(ClientReader(self._api.url, s)) for s in READ]
            with self.memory:
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
            outcome.audit.add(symbol, self._streams)

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
        wait_until(lambda: live() == count, "all books are live", LIVE_LIMIT_SECONDS)
        self.outcome.live_after = time.monotonic() - begun

    def _wait_until_all_moved(self) -> None:
        """Return when every book has had updates that would have shown that it is wrong."""
        ends = {symbol: self._streams.last_seq(symbol) for symbol in self._symbols}
        for symbol, seq in ends.items():
            self._streams.wait_for_seq(symbol, seq + UPDATES_AFTER_LAST_FAULT)
        count = len(self._symbols)
        wait_until(lambda: self._collector.live() == count, "all books are live")

    def _compare_books(self) -> None:
        """Let the markets stand still, and compare every hash with the exchange's own book."""
        for symbol in self._symbols:
            self._simulator.fault(f"silence?symbol={symbol}&seconds={STILL_SECONDS}")
        for symbol in self._symbols:
            market = self._simulator.book(symbol)
            wait_until(lambda s=symbol, m=market: self._is_in_redis(s, m), f"{symbol} is as it is")  # type: ignore[misc]

    def _is_in_redis(self, symbol: str, market: dict[str, Any]) -> bool:
        book = self._streams.book(symbol)
        sides = [json.loads(book[side]) for side in ("bids", "asks")]
        return book["status"] == "live" and sides == [market["bids"], market["asks"]]

    def _verified(self) -> int:
        return int(self._collector.metric("kraken_book_verified_total", kind="update"))


def wrong_in(outcome: Outcome, memory: MemorySampler, judged: Sequence[str]) -> list[str]:
    """Return what is wrong; the memory of the `judged` services must not have grown."""
    audit = outcome.audit
    wrong = [*outcome.wrong, *audit.broken]
    found = audit.updates + audit.conflated
    if found != outcome.verified:
        wrong.append(f"{outcome.verified:,} updates were verified, {found:,} are in the streams")
    placed = audit.events + audit.conflated + audit.uncounted
    if placed != audit.numbers:
        wrong.append(f"of {audit.numbers:,} numbers {placed:,} have a place")
    if outcome.missed:
        wrong.append(f"readers missed {outcome.missed:,} events")
    for name in judged:
        growth = memory.growth(name)
        if growth.share > MOST_GROWTH:
            wrong.append(f"the {name}'s memory grew by {growth.share:.0%}")
    return wrong
