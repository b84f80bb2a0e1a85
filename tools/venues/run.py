"""A run: one venue at a time has faults, while readers check the books of all venues."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx

from kraken_book.symbols import venue_of
from lab.balancer import Balancer
from lab.stage import Stage
from lab.waiting import wait_until
from tools.faults import name_of
from tools.soak.audit import Entries
from tools.soak.run import LIVE_TIMEOUT, UPDATES_AFTER_LAST_FAULT
from tools.venues.audit import Calm, Turn, VenueAccount
from tools.venues.comparison import BookComparison
from tools.venues.readers import VenueReaders
from tools.venues.sampler import BookSampler
from tools.venues.system import VenueSide, VenuesUnderTest, start_venues

FAULTS_PER_TURN = 8
FAULT_INTERVAL = 1.0
KILLS = ("collector", "api", None)
"""What may be killed in a turn, each in one third of them."""
SECONDS_PER_REDIS_RESTART = 300.0
REDIS_RESTARTS_IN = (0.1, 0.6)
"""The part of the run in which Redis is restarted: the kills after it can be counted exactly."""


@dataclass(frozen=True)
class VenuesOptions:
    """The size of a run."""

    venues: tuple[str, ...]
    seconds: float
    books: int
    rate: float
    seed: int


@dataclass
class VenuesOutcome:
    """The result of a run."""

    options: VenuesOptions
    faults: Counter[str] = field(default_factory=Counter)
    turns: list[Turn] = field(default_factory=list)
    redis_restarts: list[float] = field(default_factory=list)
    """The seconds after each restart of Redis until all books were live."""
    seconds: float = 0.0
    accounts: dict[str, VenueAccount] = field(default_factory=dict)
    compared: Counter[str] = field(default_factory=Counter)
    """The books that were compared with the simulator's, by venue."""
    broken: list[str] = field(default_factory=list)


class VenuesRun:
    """The processes of a run.

    Args:
        stage: The stage of the processes.
        options: The size of the run.
        report_progress: Called with a line at each stage of the run.

    Attributes:
        outcome: The result.

    """

    def __init__(
        self, stage: Stage, options: VenuesOptions, report_progress: Callable[[str], None]
    ) -> None:
        self.outcome = VenuesOutcome(options)
        self._options = options
        self._report_progress = report_progress
        self._random = random.Random(options.seed)
        self._system: VenuesUnderTest = start_venues(
            stage, options.venues, options.books, options.rate, options.seed
        )
        self.outcome.accounts = {venue: VenueAccount() for venue in options.venues}
        self._readers: VenueReaders
        self._comparison: BookComparison
        self._sampler = BookSampler(self._system.apis, options.venues)
        self._kept: list[tuple[str, Entries]] = []

    def run(self) -> None:
        """Do the whole run; fail with AssertionError if not all books are right again in time."""
        sides = self._system.sides
        with ExitStack() as reading:
            balancer = reading.enter_context(Balancer(self._system.apis))
            wait_until(lambda: len(balancer.ready) == len(self._system.apis), "all apis are ready")
            symbols = {venue: side.symbols for venue, side in sides.items()}
            self._readers = reading.enter_context(VenueReaders(balancer.url, symbols))
            self._comparison = BookComparison(
                self._system, self._readers, self.outcome.accounts, self.outcome.compared
            )
            reading.enter_context(self._sampler)
            try:
                self._take_turns()
                self._finish()
            finally:
                self._note_readers()
        self.outcome.broken += [
            f"the {service.name} logged a traceback: {service.log[-2000:]}"
            for service in (*(side.collector for side in sides.values()), *self._system.apis)
            if "Traceback" in service.log
        ]
        self._report_progress("auditing all streams")
        for symbol, entries in self._kept:
            self.outcome.accounts[venue_of(symbol)].streams.add_entries(symbol, entries)

    # Turns

    def _take_turns(self) -> None:
        begun = time.monotonic()
        restarts = self._restart_times()
        for venue in self._venues_in_turn():
            self.outcome.seconds = time.monotonic() - begun
            if self.outcome.seconds >= self._options.seconds:
                return
            if restarts and self.outcome.seconds >= restarts[0]:
                restarts.pop(0)
                self._restart_redis()
            turn = self._take_turn(self._system.sides[venue])
            self.outcome.turns.append(turn)
            self._report_progress(
                f"{venue}: {', '.join(turn.faults)}: live after {turn.live_after:.1f} s"
            )
            for line in turn.broken:
                self._report_progress(f"BROKEN: {line}")

    def _restart_times(self) -> list[float]:
        seconds = self._options.seconds
        count = max(1, round(seconds / SECONDS_PER_REDIS_RESTART))
        least, most = REDIS_RESTARTS_IN
        shares = [self._random.uniform(least, most) for _ in range(count)]
        return sorted(share * seconds for share in shares)

    def _venues_in_turn(self) -> Iterator[str]:
        venues = list(self._options.venues)
        while True:
            self._random.shuffle(venues)
            yield from venues

    def _take_turn(self, side: VenueSide) -> Turn:
        """Let one venue have faults, and wait until all its books are right again."""
        others = [each for each in self._system.sides.values() if each is not side]
        kill = self._random.choice(KILLS)
        before = {each.name: _Before(self._system, self._readers, each) for each in others}
        self._sampler.take()
        faults = tuple(self._inject_faults(side, kill))
        lifted_at = time.monotonic()
        side.lift_faults()
        self._wait_until_live([side])
        live_after = time.monotonic() - lifted_at
        self._wait_until_moved([side])
        sampled = self._sampler.take()
        calm = {each.name: before[each.name].calm(sampled[each.name]) for each in others}
        # Of each other venue, one book is compared.
        compared = [(each, self._random.sample(each.pairs, 1)) for each in others]
        wrong = self._comparison.compare([(side, side.pairs), *compared])
        return Turn(
            side.name,
            faults,
            kill == "collector",
            kill == "api",
            live_after,
            len(side.pairs),
            calm,
            tuple(wrong),
        )

    def _inject_faults(self, side: VenueSide, kill: str | None) -> Iterator[str]:
        """Inject a fault a second, and do the kill between two of them; yield their names."""
        kill_before = self._random.randrange(FAULTS_PER_TURN)
        due = time.monotonic()
        for number in range(FAULTS_PER_TURN):
            if kill is not None and number == kill_before:
                self._kill(side, kill)
                yield f"{kill} killed"
            for fault in side.faults.next():
                side.simulator.fault(fault)
                self.outcome.faults[name_of(fault)] += 1
                yield name_of(fault)
            due += FAULT_INTERVAL
            time.sleep(max(0.0, due - time.monotonic()))
        self._check_processes()

    def _kill(self, side: VenueSide, kill: str) -> None:
        if kill == "collector":
            side.kill_collector()
            return
        api = self._random.choice(self._system.apis)
        api.kill()
        api.restart()

    def _check_processes(self) -> None:
        sides = self._system.sides.values()
        services = [process for each in sides for process in (each.simulator, each.collector)]
        for service in (*services, *self._system.apis):
            assert service.process.poll() is None, f"the {service.name} ended\n{service.log}"
        self._readers.check()

    def _restart_redis(self) -> None:
        """Restart Redis, which loses its data; its streams are audited at the end of the run."""
        sides = list(self._system.sides.values())
        self._keep_streams()
        for side in sides:
            side.counted = None
        read = {venue: self._readers.tally(venue) for venue in self._options.venues}
        self._system.redis.restart()
        begun = time.monotonic()
        self._wait_until_live(sides)
        self._wait_until_moved(sides)
        self.outcome.redis_restarts.append(time.monotonic() - begun)
        self.outcome.broken += self._comparison.compare([(side, side.pairs) for side in sides])
        for venue, before in read.items():
            self.outcome.accounts[venue].around_restarts += self._readers.tally(venue) - before
        self._report_progress(
            f"Redis restarted without its data, all live after"
            f" {self.outcome.redis_restarts[-1]:.1f} s"
        )

    def _keep_streams(self) -> None:
        streams = self._system.streams
        self._kept += [(symbol, streams.entries(symbol)) for symbol in self._system.symbols]

    # Waits

    def _wait_until_live(self, sides: Sequence[VenueSide]) -> None:
        """Wait until all books of these venues are live, at the collectors and at all apis."""
        symbols = {symbol for side in sides for symbol in side.symbols}

        def are_live() -> bool:
            self._check_processes()
            return all(side.collector.live() == len(side.pairs) for side in sides) and all(
                symbols <= _live_books(api.url) for api in self._system.apis
            )

        wait_until(are_live, f"all books of {_names(sides)} are live", LIVE_TIMEOUT)

    def _wait_until_moved(self, sides: Sequence[VenueSide]) -> None:
        """Wait until every book has enough updates for its proof to reveal a wrong level."""
        streams = self._system.streams
        symbols = [symbol for side in sides for symbol in side.symbols]
        ends = {symbol: streams.last_seq(symbol) for symbol in symbols}
        for symbol, seq in ends.items():
            streams.wait_for_seq(symbol, seq + UPDATES_AFTER_LAST_FAULT)
        self._wait_until_live(sides)

    # The end

    def _finish(self) -> None:
        """Compare all books, and read all streams."""
        self._report_progress("comparing all books")
        sides = list(self._system.sides.values())
        self._wait_until_live(sides)
        self.outcome.broken += self._comparison.compare([(side, side.pairs) for side in sides])
        self._keep_streams()

    def _note_readers(self) -> None:
        for venue, account in self.outcome.accounts.items():
            account.read = self._readers.tally(venue)
            records = self._readers.records_of(venue)
            account.checked = sum(record.account.ladder.counts.verified for record in records)
            if (error := self._readers.error_of(venue)) is not None:
                account.broken.append(error)
        if self._readers.error_of_all is not None:
            self.outcome.broken.append(self._readers.error_of_all)


class _Before:
    """The state of a venue before another one has faults."""

    def __init__(self, system: VenuesUnderTest, readers: VenueReaders, side: VenueSide) -> None:
        self._system, self._side = system, side
        self._epochs = system.epochs(side)
        self._disturbed = _disturbed(side)
        self._records = readers.records_of(side.name)
        self._words = [len(record.words) for record in self._records]

    def calm(self, sampled: Any) -> Calm:
        """Return what has changed since then."""
        epochs = self._system.epochs(self._side)
        changed = [symbol for symbol, epoch in epochs.items() if epoch != self._epochs[symbol]]
        statuses = {
            word.text
            for record, known in zip(self._records, self._words, strict=True)
            for word in record.words[known:]
        }
        resyncs = _disturbed(self._side) - self._disturbed
        return Calm(sampled, tuple(sorted(statuses)), tuple(changed), resyncs)


def broken_promises(outcome: VenuesOutcome) -> list[str]:
    """Return the broken promises of a run."""
    broken = [f"{line}" for turn in outcome.turns for line in turn.broken]
    for venue, account in outcome.accounts.items():
        broken += [f"{venue}: {line}" for line in account.broken_promises()]
    return broken + outcome.broken


def _disturbed(side: VenueSide) -> int:
    health = side.health()
    return sum((*health["resyncs"].values(), *health["reconnects"].values()))


def _live_books(url: str) -> set[str]:
    try:
        answer = httpx.get(f"{url}/books", timeout=10.0, trust_env=False)
        rows = answer.json() if answer.status_code == httpx.codes.OK else []
    except httpx.TransportError:
        rows = []
    return {row["symbol"] for row in rows if row["status"] == "live"}


def _names(sides: Iterable[VenueSide]) -> str:
    return ", ".join(side.name for side in sides)
