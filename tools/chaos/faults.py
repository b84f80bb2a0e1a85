"""The faults in the order of injection, each with its permitted effects on readers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from tools.chaos.system import SystemUnderTest

Act = Callable[[SystemUnderTest], object]
_OK = frozenset({"200"})
# A book is unavailable if it is not confirmed for API_MAX_AGE, or if Redis does not answer.
_UNAVAILABLE = frozenset({"200", "503"})
_STALE = frozenset({"stale: age"})


class Reach(Enum):
    """The effect of a fault on the readers of other books than the hit book."""

    NOBODY = "the other readers notice nothing"
    PAUSE = "the other readers wait, and may get the statuses of the hit book"
    ALL = "every book is hit"


@dataclass(frozen=True)
class Step:
    """A fault and its permitted effects."""

    title: str
    act: Act
    statuses: frozenset[str] = frozenset()
    """The statuses that the reader of the hit book must get."""
    allowed_statuses: frozenset[str] = frozenset()
    """The statuses that this reader may get in addition."""
    reach: Reach = Reach.NOBODY
    answers: frozenset[str] = _OK
    """The HTTP statuses that requests for /depth of the hit book may get meanwhile."""
    new_leader: bool = False
    """Whether a snapshot may skip events without a count."""
    hit_exists: bool = True
    """Whether the hit book exists before the step."""


def steps(hits: Iterable[str]) -> Iterable[tuple[Step, str]]:
    """Generate all steps.

    Args:
        hits: Books that no step has hit yet.

    Yields:
        Each step with the book that it hits.

    """
    free = iter(hits)
    for make in (_of_a_book, _of_a_frame, _of_connections, _of_processes):
        yield from make(free)


def _of_a_book(free: Iterable[str]) -> Iterable[tuple[Step, str]]:
    for fault, reason in (
        ("corrupt", "checksum"),
        # The update after a single lost one may set the same level, and so repair the book.
        ("swallow&count=3", "checksum"),
        ("repeat&count=5", None),
        ("reorder", "checksum"),
        ("crossed", "crossed"),
        ("level", "level"),
        ("cut", "frame"),
        ("mute&seconds=2", "checksum"),
        ("silence&seconds=12", "quiet"),
        ("precision&price=5&qty=7", "precision"),
        ("pair_status&status=cancel_only", None),
    ):
        hit = next(iter(free))
        yield simulated([_of(hit, fault)], reasons=[reason] if reason else []), hit
    hit = next(iter(free))
    yield simulated([_of(hit, "early"), _of(hit, "corrupt")], reasons=["checksum", "early"]), hit
    for faults, more_reasons in (
        (["ack_only?symbol={}", "corrupt?symbol={}"], ["unanswered"]),
        (["answer_never?seconds=5&method=subscribe", "corrupt?symbol={}"], []),
        (["rate_limit?seconds=3", "corrupt?symbol={}"], []),
    ):
        hit = next(iter(free))
        texts = [fault.format(hit) for fault in faults]
        yield simulated(texts, reasons=["checksum", *more_reasons], answers=_UNAVAILABLE), hit
    new = "NEW/USD"
    title = f"list?symbol={new}"
    answers = frozenset({"200", "404", "503"})
    yield Step(title, _inject([title]), answers=answers, hit_exists=False), new


def _of_a_frame(free: Iterable[str]) -> Iterable[tuple[Step, str]]:
    hit = next(iter(free))
    for fault in (*(f"garbage?kind={kind}" for kind in ("text", "binary", "json")), "big"):
        yield simulated([fault]), hit
    maintenance = ("status?system=maintenance", "status?system=online")
    yield simulated(maintenance), hit


def _of_connections(free: Iterable[str]) -> Iterable[tuple[Step, str]]:
    hit = next(iter(free))
    for faults, reasons, answers in (
        (["close?code=1001"], "closed", _OK),
        (["drop"], "closed", _OK),
        (["accept_and_close?seconds=5", "drop"], "closed", _UNAVAILABLE),
        (["refuse_connections?seconds=3&status=429", "drop"], "closed refused", _UNAVAILABLE),
        (["answer_late?delay=3&seconds=4", "drop"], "closed", _UNAVAILABLE),
        (["lag?delay=7&seconds=8"], "lag", _UNAVAILABLE),
        (["mute?seconds=11"], "silent", _UNAVAILABLE),
    ):
        yield simulated(faults, reasons=reasons.split(), reach=Reach.ALL, answers=answers), hit


def _of_processes(free: Iterable[str]) -> Iterable[tuple[Step, str]]:
    hit = next(iter(free))
    closed, lag = _syncing(["closed"]), _syncing(["lag"])
    for step in (
        Step(
            "simulator killed, started",
            _restart_simulator,
            closed,
            allowed_statuses=_syncing(["unreachable"]),
            reach=Reach.ALL,
        ),
        Step("collector killed, started", _restart_collector, reach=Reach.ALL, new_leader=True),
        # The freeze and the back-off after it may be longer than API_MAX_AGE.
        Step(
            "collector frozen for 8 s",
            _freeze_collector,
            lag,
            allowed_statuses=_STALE,
            reach=Reach.ALL,
            answers=_UNAVAILABLE,
            new_leader=True,
        ),
        Step(
            "api killed, started",
            _restart_api,
            frozenset({"stale: disconnected"}),
            reach=Reach.PAUSE,
            answers=_OK | {"none"},
        ),
        Step("Redis frozen for 5 s", _freeze_redis, reach=Reach.PAUSE, answers=_UNAVAILABLE),
    ):
        yield step, hit


def simulated(
    faults: Iterable[str],
    *,
    reasons: Iterable[str] = (),
    reach: Reach = Reach.NOBODY,
    answers: frozenset[str] = _OK,
) -> Step:
    """Return a step of faults that the simulator injects together.

    Args:
        faults: The faults in the form of the control port.
        reasons: The reasons of `syncing` that the reader of the hit book must get.
        reach: The effect on other readers.
        answers: The permitted HTTP statuses of /depth.

    """
    faults = tuple(faults)
    return Step(
        " + ".join(map(_without_symbol, faults)),
        _inject(faults),
        _syncing(reasons),
        # The pause before a resync is random, so the book may or may not become stale.
        _STALE if "503" in answers else frozenset(),
        reach,
        answers,
    )


def _syncing(reasons: Iterable[str]) -> frozenset[str]:
    return frozenset(f"syncing: {reason}" for reason in reasons)


def _without_symbol(fault: str) -> str:
    return re.sub(r"symbol=[^&]*&?", "", fault).rstrip("?")


def _of(symbol: str, fault: str) -> str:
    """Return the fault with this symbol; `fault` has its other parameters after a `&`."""
    name, *parameters = fault.split("&")
    return "&".join((f"{name}?symbol={symbol}", *parameters))


def _inject(faults: Iterable[str]) -> Act:
    def inject(system: SystemUnderTest) -> None:
        for fault in faults:
            system.simulator.fault(fault)

    return inject


def _restart_simulator(system: SystemUnderTest) -> None:
    system.simulator.kill()
    system.simulator.restart()


def _restart_collector(system: SystemUnderTest) -> None:
    system.collector.kill()
    system.collector.restart()


def _freeze_collector(system: SystemUnderTest) -> None:
    system.collector.freeze()
    time.sleep(8)
    system.collector.resume()


def _restart_api(system: SystemUnderTest) -> None:
    system.api.kill()
    system.api.restart()


def _freeze_redis(system: SystemUnderTest) -> None:
    system.redis.freeze()
    time.sleep(5)
    system.redis.resume()
