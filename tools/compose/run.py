"""The steps on the stack, and their effects on the readers and on the crowd."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import httpx

from lab.sse.account import Tally
from lab.sse.client_reader import ClientReader
from lab.waiting import wait_for, wait_until
from tools.compose.crowd import StreamCrowd
from tools.compose.stack import Container, ReplicaLoad, Stack

UPDATES_AFTER_STEP = 20
"""The number of updates that every reader must get after a step."""
STEP_TIMEOUT = 60.0


@dataclass(frozen=True)
class StepResult:
    """The effects of a step."""

    title: str
    seconds: float
    """The time from the start of the step until every reader had enough updates."""
    longest_wait: float
    """The longest time that one of the readers was without an event, in seconds."""
    tally: Tally
    refused: int
    """The number of the crowd's requests for streams with another status than 200."""
    answers: Counter[str]
    """The answers to the crowd's requests for books, by HTTP status or name of the error."""
    broken: list[str]
    """The broken promises."""


@dataclass
class ComposeRun:
    """Steps on a stack while readers follow its books."""

    stack: Stack
    readers: list[ClientReader]
    crowd: StreamCrowd
    results: list[StepResult] = field(default_factory=list)
    served: dict[str, ReplicaLoad] = field(default_factory=dict)
    """The highest known load of each replica."""

    def run_steps(self) -> None:
        """Do all steps; fail with AssertionError if a reader gets no more updates."""
        self.step("two replicas", lambda: None)
        self.step("api scaled from 2 to 5", self._scale_to_five)
        for replica in self.stack.replicas()[:3]:
            self.step(f"{short(replica)} stopped", partial(self._stop, replica))
        killed = self.stack.replicas()[0]
        self.step(f"{short(killed)} killed, one left", partial(self.stack.kill, killed))
        self.step(f"{short(killed)} started again", partial(self._start, killed))
        self.step("all replicas started again", self._start_all)
        self.step("api scaled from 5 to 2", partial(self.stack.scale, 2))
        for replica in self.stack.replicas():
            self.step(f"{short(replica)} replaced", partial(self._replace, replica))
        self.step("leading collector killed", self._kill_leader, new_leader=True)
        self.step("its successor restarted", self._restart_leader, new_leader=True)
        for user in ("api", "collector"):
            self.step(f"password of {user} replaced", partial(self.stack.rotate_password, user))
        self.step("redis restarted", partial(self.stack.restart, "redis"), redis_away=True)
        self.step("no more faults", self._wait_until_quiet)

    def step(
        self,
        title: str,
        act: Callable[[], object],
        *,
        new_leader: bool = False,
        redis_away: bool = False,
    ) -> None:
        """Do `act`, wait until every reader has got more updates, and record the effects.

        Args:
            title: The step's name in the report.
            act: The change of the stack.
            new_leader: Whether the first snapshot of a new epoch may skip events without a count.
            redis_away: Whether requests may be answered with 503.

        """
        started_at, before = time.monotonic(), self._tally()
        answers_before, refused_before = Counter(self.crowd.answers), self.crowd.refused
        for reader in self.readers:
            reader.record.longest_wait()
        act()
        self._wait_for_updates()
        self._record_loads()
        tally, answers = self._tally() - before, self.crowd.answers - answers_before
        refused = self.crowd.refused - refused_before
        broken = _broken_for_readers(tally, new_leader=new_leader)
        self.results.append(
            StepResult(
                title,
                time.monotonic() - started_at,
                max(reader.record.longest_wait() for reader in self.readers),
                tally,
                refused,
                answers,
                [*broken, *_broken_for_crowd(refused, answers, redis_away=redis_away)],
            )
        )

    def _scale_to_five(self) -> None:
        self.stack.scale(5)

        def all_serve() -> bool:
            self._record_loads()
            return len(self.served) >= 5 and all(map(any, self.served.values()))

        wait_until(all_serve, "all five replicas serve", STEP_TIMEOUT)

    def _stop(self, replica: Container) -> None:
        self.stack.stop(replica)
        code = self.stack.exit_code(replica)
        assert code == 0, f"{replica.name} ended with {code}, not with 0 within its grace period"

    def _start(self, replica: Container) -> None:
        self.stack.start(replica)

        def serves() -> bool:
            # The metrics of a replica start at zero with its process.
            return any(self.stack.service_of(replica))

        wait_until(serves, f"{replica.name} serves", STEP_TIMEOUT)

    def _start_all(self) -> None:
        """Start the replicas that were stopped: Compose scales down to those of the lowest numbers.

        It would remove the running ones before it starts those.
        """
        for replica in self.stack.containers("api"):
            if not replica.running:
                self._start(replica)

    def _replace(self, replica: Container) -> None:
        """Remove a replica after another one has started, as a deployment does."""
        self.stack.scale(len(self.stack.replicas()) + 1)
        self._stop(replica)
        self.stack.remove(replica)

    def _leader(self) -> Container:
        return wait_for(self.stack.leader, "a collector leads", STEP_TIMEOUT)

    def _kill_leader(self) -> None:
        killed = self._leader()
        self.stack.kill(killed)
        self._leader()
        self.stack.start(killed)

    def _restart_leader(self) -> None:
        leader = self._leader()
        self._stop(leader)
        self._leader()
        self.stack.start(leader)

    def _wait_until_quiet(self) -> None:
        """Wait until /books has every book as live again."""

        def all_live() -> bool:
            books = httpx.get(f"{self.stack.url}/books", trust_env=False).json()
            return all(book["status"] == "live" for book in books)

        wait_until(all_live, "every book is live")

    def _wait_for_updates(self) -> None:
        ladders = [reader.record.account.ladder for reader in self.readers]
        enough = [ladder.counts.updates + UPDATES_AFTER_STEP for ladder in ladders]

        def all_have() -> bool:
            for reader in self.readers:
                reader.check()
            return all(
                ladder.counts.updates >= count
                for ladder, count in zip(ladders, enough, strict=True)
            )

        wait_until(all_have, "every reader gets more updates", STEP_TIMEOUT)

    def _record_loads(self) -> None:
        for replica in self.stack.replicas():
            now, before = self.stack.service_of(replica), self.served.get(short(replica))
            if before is not None:
                now = ReplicaLoad(*map(max, now, before))
            self.served[short(replica)] = now

    def _tally(self) -> Tally:
        return sum((reader.record.account.tally for reader in self.readers), Tally())


def _broken_for_readers(tally: Tally, *, new_leader: bool) -> Iterable[str]:
    if tally.missed:
        yield f"{tally.missed} events missed"
    if not_counted := tally.unexplained if new_leader else tally.uncounted:
        yield f"a snapshot skips {not_counted} events without a count"


def _broken_for_crowd(refused: int, answers: Counter[str], *, redis_away: bool) -> Iterable[str]:
    if refused and not redis_away:
        yield f"{refused} streams refused"
    allowed = {"200", "503"} if redis_away else {"200"}
    if others := {answer: n for answer, n in answers.items() if answer not in allowed}:
        yield f"/depth was answered with {others}"


def short(container: Container) -> str:
    """Return a container's name without the project's name."""
    return "-".join(container.name.split("-")[-2:])
