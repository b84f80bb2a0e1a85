"""Inject the faults one by one, and judge what the readers of three books saw of each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from collector.venues.kraken.connection import RECOVERED_AFTER
from lab.sse.account import Tally
from lab.sse.client_reader import ClientReader
from lab.sse.record import LIVE, Record, Word
from lab.waiting import wait_until
from tools.chaos.asker import Asker
from tools.chaos.faults import Reach, Step
from tools.chaos.system import SystemUnderTest

# As long as the collector wants of a connection before it counts as recovered, and a little.
LASTING_SECONDS = RECOVERED_AFTER + 1
# All must be right again within this.
LIMIT_SECONDS = 60.0
# After a step every reader must have seen so many updates more.
UPDATES_AFTER_STEP = 10
# Without a fault they see many a second; the machine may be busy.
LONGEST_WAIT_SECONDS = 3.0


@dataclass(frozen=True)
class FaultResult:
    """What the readers saw of a step."""

    title: str
    told: tuple[str, ...]
    """The statuses that the reader of the hit book was told, each once, in order."""
    not_live: float
    """From its first doubt until it was live for good, in seconds."""
    longest_wait: float
    """The longest time that one of the other two readers was without an event, in seconds."""
    others_told: tuple[str, ...]
    tally: Tally
    answers: Counter[str]
    """How /depth of the hit book was answered."""
    wrong: list[str]
    """What should not have been."""


@dataclass
class ChaosRun:
    """Steps done while readers follow books: the book that is hit, and `others`."""

    system: SystemUnderTest
    others: Sequence[ClientReader]
    results: list[FaultResult] = field(default_factory=list)

    def inject(self, step: Step, hit: str) -> FaultResult:
        """Do the step, wait until every book is right again, and return what was seen.

        Raises:
            AssertionError: If that takes longer than LIMIT_SECONDS.

        """
        url = self.system.api.url
        if step.reach is Reach.ALL:
            wait_until(self._connections_have_lasted, "all connections have recovered")
        # A book that is not there yet comes to who reads all.
        asked = hit if step.hit_exists else "*"
        with ClientReader(url, asked) as reader, Asker(url, hit) as asker:
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
        """Do the step; the first of `records` is of the book that is hit."""
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

        def over() -> bool:
            _check(readers)
            told = {word.text for word in hit.words[known:]}
            return step.told <= told and not self._faults_on()

        def right() -> bool:
            _check(readers)
            return all(each.is_live for each in records) and self._is_the_exchanges(hit)

        wait_until(over, f"the fault is over, and told as {set(step.told)}", LIMIT_SECONDS)
        enough = [each.account.ladder.counts.updates + UPDATES_AFTER_STEP for each in records]

        def go_on() -> bool:
            counts = [each.account.ladder.counts.updates for each in records]
            return right() and all(a >= b for a, b in zip(counts, enough, strict=True))

        wait_until(go_on, "all is right again", LIMIT_SECONDS)

    def _connections_have_lasted(self) -> bool:
        """Return whether all connections count as recovered, so the next back-off is short."""
        connections = self.system.collector.get("/healthz").json()["connections"]
        return all(
            connection["state"] == "live"
            and time.time() - datetime.fromisoformat(connection["since"]).timestamp()
            > LASTING_SECONDS
            for connection in connections
        )

    def _faults_on(self) -> bool:
        try:
            return bool(self.system.simulator.faults_on())
        except httpx.TransportError:
            return True

    def _is_the_exchanges(self, hit: Record) -> bool:
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
    """Return what was seen and what of it is wrong; `words` are the hit reader's."""
    told, others_told = _texts(words), _texts(others)
    doubts = [word for word in words if word.text != LIVE]
    wrong = list(_wrong(step, set(told), longest_wait, others_told, tally, answers))
    return FaultResult(
        step.title,
        told,
        words[-1].at - doubts[0].at if doubts else 0.0,
        longest_wait,
        others_told,
        tally,
        answers,
        wrong,
    )


def _wrong(
    step: Step,
    told: set[str],
    longest_wait: float,
    others_told: tuple[str, ...],
    tally: Tally,
    answers: Counter[str],
) -> Iterable[str]:
    for text in sorted(step.told - told):
        yield f"the reader was not told {text!r}"
    for text in sorted(told - step.told - step.may_be_told):
        yield f"the reader was told {text!r}"
    may_be_told = frozenset() if step.reach is Reach.NOBODY else step.told | step.may_be_told
    if more := [text for text in others_told if text not in may_be_told]:
        yield f"readers of other books were told {', '.join(more)}"
    if step.reach is Reach.NOBODY and longest_wait > LONGEST_WAIT_SECONDS:
        yield f"a reader of another book waited for {longest_wait:.1f} s"
    if tally.missed:
        yield f"{tally.missed} events missed"
    if tally.uncounted and not step.new_leader:
        yield f"a snapshot jumps over {tally.uncounted} numbers and does not say for how many"
    if refused := {answer for answer in answers if answer not in step.answers}:
        yield f"/depth was answered with {', '.join(sorted(refused))}"


def _texts(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.text for word in words if word.text != LIVE))


def _tally(records: Iterable[Record]) -> Tally:
    return sum((each.account.tally for each in records), Tally())


def _check(readers: Iterable[ClientReader]) -> None:
    for reader in readers:
        reader.check()
