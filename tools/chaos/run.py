"""Inject the faults one by one, and judge the effects on the readers of three books."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from collector.venues.connection import RECOVERED_AFTER
from lab.sse.account import Tally
from lab.sse.client_reader import ClientReader
from lab.sse.record import LIVE, Record, Word
from lab.waiting import wait_until
from tools.chaos.asker import Asker
from tools.chaos.faults import Reach, Step
from tools.chaos.system import SystemUnderTest

# The time after which the collector counts a connection as recovered, and a margin.
LASTING_SECONDS = RECOVERED_AFTER + 1
RECOVERY_TIMEOUT = 60.0
"""The time until all books must be right again."""
UPDATES_AFTER_STEP = 10
"""The number of updates that every reader must get after a step."""
MAX_WAIT_SECONDS = 3.0
"""The longest permitted time without an event for readers that a fault does not reach."""


@dataclass(frozen=True)
class FaultResult:
    """The effects of a step on the readers."""

    title: str
    statuses: tuple[str, ...]
    """The statuses that the reader of the hit book got, without `live` and repeats, in order."""
    not_live: float
    """The seconds from its first status that is not `live` until it was live for good."""
    longest_wait: float
    """The longest time that one of the other two readers was without an event, in seconds."""
    other_statuses: tuple[str, ...]
    """The statuses that the other two readers got, in the same form."""
    tally: Tally
    answers: Counter[str]
    """The answers to requests for /depth of the hit book, by HTTP status."""
    broken: list[str]
    """The broken promises."""


@dataclass
class ChaosRun:
    """Steps that are done while readers follow books: the hit book, and those of `others`."""

    system: SystemUnderTest
    others: Sequence[ClientReader]
    results: list[FaultResult] = field(default_factory=list)

    def inject(self, step: Step, hit: str) -> FaultResult:
        """Do the step, and wait until every book is right again.

        The wait fails with AssertionError after RECOVERY_TIMEOUT.

        Args:
            step: The step.
            hit: The book that the fault hits.

        Returns:
            The effects on the readers.

        """
        url = self.system.api.url
        if step.reach is Reach.ALL:
            wait_until(self._connections_have_lasted, "all connections have recovered")
        # Only a stream of all books can be opened before the book exists.
        symbol = hit if step.hit_exists else "*"
        with ClientReader(url, symbol) as reader, Asker(url, hit) as asker:
            if step.hit_exists:
                reader.wait_until_live(hit)
            readers = (reader, *self.others)
            records = (reader.of(hit), *(each.record for each in self.others))
            result = self._do(step, readers, records, asker)
        self.results.append(result)
        return result

    def _do(
        self, step: Step, readers: Sequence[ClientReader], records: Sequence[Record], asker: Asker
    ) -> FaultResult:
        """Do the step; the first of `records` is that of the hit book."""
        known = [len(each.words) for each in records]
        before = _tally(records)
        for each in records:
            each.longest_wait()
        step.act(self.system)
        self._wait_until_all_is_right(step, readers, records, known[0])
        words, *others = (each.words[count:] for each, count in zip(records, known, strict=True))
        return judged(
            step,
            words,
            max(each.longest_wait() for each in records[1:]),
            [word for each in others for word in each],
            _tally(records) - before,
            Counter(asker.answers),
        )

    def _wait_until_all_is_right(
        self,
        step: Step,
        readers: Sequence[ClientReader],
        records: Sequence[Record],
        known: int,
    ) -> None:
        hit = records[0]

        def is_over() -> bool:
            _check(readers)
            statuses = {word.text for word in hit.words[known:]}
            return step.statuses <= statuses and not self._has_active_faults()

        def is_right() -> bool:
            _check(readers)
            return all(each.is_live for each in records) and self._equals_simulator(hit)

        wait_until(
            is_over,
            f"the fault is over, and its reader got {set(step.statuses)}",
            RECOVERY_TIMEOUT,
        )
        enough = [each.account.ladder.counts.updates + UPDATES_AFTER_STEP for each in records]

        def is_continued() -> bool:
            counts = [each.account.ladder.counts.updates for each in records]
            return is_right() and all(a >= b for a, b in zip(counts, enough, strict=True))

        wait_until(is_continued, "every book is right, and updates continue", RECOVERY_TIMEOUT)

    def _connections_have_lasted(self) -> bool:
        """Return whether all connections count as recovered, so that the next back-off is short."""
        connections = self.system.collector.get("/healthz").json()["connections"]
        return all(
            connection["state"] == "live"
            and time.time() - datetime.fromisoformat(connection["since"]).timestamp()
            > LASTING_SECONDS
            for connection in connections
        )

    def _has_active_faults(self) -> bool:
        try:
            return bool(self.system.simulator.faults_on())
        except httpx.TransportError:
            return True

    def _equals_simulator(self, hit: Record) -> bool:
        ladder = hit.account.ladder
        book = self.system.simulator.book(ladder.symbol)
        return bool(book["checksum"] == ladder.checksum)


def judged(
    step: Step,
    words: Sequence[Word],
    longest_wait: float,
    others: Sequence[Word],
    tally: Tally,
    answers: Counter[str],
) -> FaultResult:
    """Return the effects of a step and its broken promises.

    Args:
        step: The step.
        words: The statuses of the hit book's reader.
        longest_wait: The longest time that another reader was without an event, in seconds.
        others: The statuses of the other readers.
        tally: The counts of all readers.
        answers: The answers to requests for /depth.

    """
    statuses, other_statuses = _texts(words), _texts(others)
    doubts = [word for word in words if word.text != LIVE]
    broken = list(_broken(step, set(statuses), longest_wait, other_statuses, tally, answers))
    return FaultResult(
        step.title,
        statuses,
        words[-1].at - doubts[0].at if doubts else 0.0,
        longest_wait,
        other_statuses,
        tally,
        answers,
        broken,
    )


def _broken(
    step: Step,
    statuses: set[str],
    longest_wait: float,
    other_statuses: tuple[str, ...],
    tally: Tally,
    answers: Counter[str],
) -> Iterable[str]:
    for text in sorted(step.statuses - statuses):
        yield f"the reader did not get the status {text!r}"
    for text in sorted(statuses - step.statuses - step.allowed_statuses):
        yield f"the reader got the status {text!r}"
    is_isolated = step.reach is Reach.NOBODY
    allowed = frozenset() if is_isolated else step.statuses | step.allowed_statuses
    if more := [text for text in other_statuses if text not in allowed]:
        yield f"readers of other books got the status {', '.join(more)}"
    if is_isolated and longest_wait > MAX_WAIT_SECONDS:
        yield f"a reader of another book waited for {longest_wait:.1f} s"
    if tally.missed:
        yield f"{tally.missed} events missed"
    if tally.uncounted and not step.new_leader:
        yield f"a snapshot skips {tally.uncounted} events without a count"
    if refused := {answer for answer in answers if answer not in step.answers}:
        yield f"/depth was answered with {', '.join(sorted(refused))}"


def _texts(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.text for word in words if word.text != LIVE))


def _tally(records: Iterable[Record]) -> Tally:
    return sum((each.account.tally for each in records), Tally())


def _check(readers: Iterable[ClientReader]) -> None:
    for reader in readers:
        reader.check()
