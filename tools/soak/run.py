"""A run: processes under load, a fault every second, and an audit of every stream at the end."""

from __future__ import annotations

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
from tools.comparison import compare_books
from tools.faults import FaultMaker, name_of
from tools.soak.audit import StreamAudit, updates_in
from tools.soak.memory import MemorySampler

SHOWN_SHARE = 0.525
"""The share of moves that change the best ten levels, counted over 200 of these markets."""
READ = ("BTC/USD", "ETH/USD", "SOL/USD")
"""The busiest symbols: the api's rings of these books are full before its memory is measured."""
FAULT_INTERVAL = 1.0
LIVE_TIMEOUT = 90.0
"""More than the 60 s until a refused symbol is requested again, and 10 s to wait for the answer."""
UPDATES_AFTER_LAST_FAULT = 5
_NO_LIMIT = 10**9
MAX_GROWTH = 0.1
"""The permitted growth of memory as a share; a leak exceeds it in three fifths of a run."""


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
    """The duration of the faults."""
    updates: int = 0
    """The updates that the collector verified during the faults."""
    rates: list[float] = field(default_factory=list)
    """The updates per second from each fault to the next."""
    cpu: dict[str, float] = field(default_factory=dict)
    """The share of a core that each service used during the faults."""
    live_after: float = 0.0
    """The seconds from the last fault until every book was live."""
    verified: int = 0
    """The updates that the collector verified in the whole run, since it leads."""
    health: dict[str, Any] = field(default_factory=dict)
    """The collector's /healthz at the end."""
    audit: StreamAudit = field(default_factory=StreamAudit)
    missed: int = 0
    """The events that readers missed."""
    broken: list[str] = field(default_factory=list)
    """The broken promises that were found during the run."""


def symbols_of(count: int) -> tuple[str, ...]:
    """Return `count` symbols: those of the catalogue, which move often, and made-up ones."""
    made_up = (f"S{number:03}/USD" for number in range(count))
    return (*CATALOGUE, *made_up)[:count]


class SoakRun:
    """The processes of a run.

    Args:
        stage: The stage of the processes.
        options: The size of the run.
        report_progress: Called with a line at each stage of the run.

    Attributes:
        outcome: The result.
        memory: The samples of memory during the faults.

    """

    def __init__(
        self, stage: Stage, options: SoakOptions, report_progress: Callable[[str], None]
    ) -> None:
        self.outcome = Outcome(options)
        self._options = options
        self._report_progress = report_progress
        self._symbols = symbols_of(options.symbols)
        redis = stage.redis()
        self._simulator: SimulatorProcess = stage.simulator(
            *("--symbols", ",".join(self._symbols), "--rate", str(options.rate / SHOWN_SHARE)),
            *("--control", "0", "--log-level", "warning"),
        )
        self._collector: Collector = stage.collector(
            redis.url,
            self._simulator.url,
            KRAKEN_SYMBOLS=",".join(self._symbols),
            # The maximum: connections end more often here than at an exchange.
            KRAKEN_CONNECTS_PER_10_MIN="150",
            STREAM_MAXLEN=str(_NO_LIMIT),
            STREAM_RETENTION="86400",
            LOG_LEVEL="error",
        )
        self._api: Api = stage.api(redis.url, LOG_LEVEL="error")
        self._streams = StoredBooks(redis.url)
        stage.undo(self._streams.close)
        self._collector.wait_until_live(len(self._symbols))
        self._api.wait_until_live(*READ)
        self._unpublished = self._count_unpublished()
        self.memory = MemorySampler([self._collector, self._api])

    def _count_unpublished(self) -> int:
        """Return the number of updates that the collector verified before it began to lead."""
        self._compare_books()
        found = sum(updates_in(self._streams.entries(symbol)) for symbol in self._symbols)
        unpublished = self._verified() - found
        self._simulator.lift_faults()
        return unpublished

    def run(self) -> None:
        """Do the whole run; fail with AssertionError if not all books are right again in time."""
        outcome = self.outcome
        with ExitStack() as reading:
            readers = [reading.enter_context(ClientReader(self._api.url, s)) for s in READ]
            with self.memory:
                self._inject_faults()
            self._wait_until_all_live()
            self._wait_until_all_moved()
            self._compare_books()
            outcome.verified = self._verified() - self._unpublished
            outcome.health = self._collector.get("/healthz").json()
            outcome.missed = sum(reader.record.account.tally.missed for reader in readers)
            outcome.broken += [reader.error for reader in readers if reader.error is not None]
        outcome.broken += [
            f"the {service.name} logged a traceback: {service.log[-2000:]}"
            for service in (self._collector, self._api)
            if "Traceback" in service.log
        ]
        self._report_progress("auditing all streams")
        for symbol in self._symbols:
            outcome.audit.add(symbol, self._streams)

    def _inject_faults(self) -> None:
        outcome, faults = self.outcome, FaultMaker(self._symbols, self._options.seed)
        services = (self._simulator, self._collector, self._api)
        busy = [service.cpu_seconds() for service in services]
        started_at, verified = time.monotonic(), self._verified()
        due = at = started_at
        count = verified
        while due < started_at + self._options.seconds:
            for fault in faults.next():
                self._simulator.fault(fault)
                outcome.faults[name_of(fault)] += 1
            due += FAULT_INTERVAL
            time.sleep(max(0.0, due - time.monotonic()))
            before, count, since, at = count, self._verified(), at, time.monotonic()
            outcome.rates.append((count - before) / (at - since))
            for service in services:
                assert service.process.poll() is None, f"the {service.name} ended\n{service.log}"
        outcome.seconds = time.monotonic() - started_at
        outcome.updates = self._verified() - verified
        outcome.cpu = {
            service.name: (service.cpu_seconds() - before) / outcome.seconds
            for service, before in zip(services, busy, strict=True)
        }

    def _wait_until_all_live(self) -> None:
        self._simulator.lift_faults()
        lifted_at, count = time.monotonic(), len(self._symbols)
        live = self._collector.live
        wait_until(lambda: live() == count, "all books are live", LIVE_TIMEOUT)
        self.outcome.live_after = time.monotonic() - lifted_at

    def _wait_until_all_moved(self) -> None:
        """Wait until every book has enough updates for its checksum to reveal a wrong level."""
        ends = {symbol: self._streams.last_seq(symbol) for symbol in self._symbols}
        for symbol, seq in ends.items():
            self._streams.wait_for_seq(symbol, seq + UPDATES_AFTER_LAST_FAULT)
        count = len(self._symbols)
        wait_until(lambda: self._collector.live() == count, "all books are live")

    def _compare_books(self) -> None:
        compare_books(self._simulator, self._streams, self._symbols)

    def _verified(self) -> int:
        return int(self._collector.metric("kraken_book_verified_total", kind="update"))


def broken_promises(outcome: Outcome, memory: MemorySampler, judged: Sequence[str]) -> list[str]:
    """Return the broken promises of a run.

    Args:
        outcome: The result of the run.
        memory: The samples of memory.
        judged: The names of services whose memory must not have grown.

    """
    audit = outcome.audit
    broken = [*outcome.broken, *audit.broken]
    found = audit.updates + audit.conflated
    if found != outcome.verified:
        broken.append(f"{outcome.verified:,} updates were verified, {found:,} are in the streams")
    counted = audit.events + audit.conflated + audit.uncounted
    if counted != audit.numbers:
        broken.append(f"{counted:,} of {audit.numbers:,} seqs are accounted for")
    if outcome.missed:
        broken.append(f"readers missed {outcome.missed:,} events")
    for name in judged:
        growth = memory.growth(name)
        if growth.share > MAX_GROWTH:
            broken.append(f"the {name}'s memory grew by {growth.share:.0%}")
    return broken
