"""The faults, in the order in which they are injected, and what each may do to readers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from tools.chaos.system import SystemUnderTest

Act = Callable[[SystemUnderTest], object]
_OK = frozenset({"200"})
# Where a book stays unknown for longer than API_MAX_AGE, or Redis does not answer.
_UNAVAILABLE = frozenset({"200", "503"})
_STALE = frozenset({"stale: age"})


class Reach(Enum):
    """Which readers a fault reaches besides the reader of the book that is hit."""

    NOBODY = "the other readers notice nothing"
    PAUSE = "the other readers wait, and are told what the one is told"
    ALL = "every book is hit"


@dataclass(frozen=True)
class Step:
    """A fault, and what the reader of the book that is hit must be told: all of `told`."""

    title: str
    act: Act
    told: frozenset[str] = frozenset()
    may_be_told: frozenset[str] = frozenset()
    reach: Reach = Reach.NOBODY
    answers: frozenset[str] = _OK
    """The statuses that /depth of the hit book may have meanwhile."""
    new_leader: bool = False
    """Whether a snapshot may jump over numbers without a count."""
    hit_exists: bool = True


def steps(hits: Iterable[str]) -> Iterable[tuple[Step, str]]:
    """Yield each step and the book that it hits, one of `hits` after another."""
    free = iter(hits)
    for make in (_of_a_book, _of_a_frame, _of_connections, _of_processes):
        yield from make(free)


def _of_a_book(free: Iterable[str]) -> Iterable[tuple[Step, str]]:
    for fault, told in (
        ("corrupt", "checksum"),
        # One alone may be made good by the next: one in twenty changes the same level only.
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
        yield asked([_of(hit, fault)], told=[told] if told else []), hit
    hit = next(iter(free))
    yield asked([_of(hit, "early"), _of(hit, "corrupt")], told=["checksum", "early"]), hit
    for faults, more_told in (
        (["ack_only?symbol={}", "corrupt?symbol={}"], ["unanswered"]),
        (["answer_never?seconds=5&method=subscribe", "corrupt?symbol={}"], []),
        (["rate_limit?seconds=3", "corrupt?symbol={}"], []),
    ):
        hit = next(iter(free))
        texts = [fault.format(hit) for fault in faults]
        yield asked(texts, told=["checksum", *more_told], answers=_UNAVAILABLE), hit
    new = "NEW/USD"
    title = f"list?symbol={new}"
    answers = frozenset({"200", "404", "503"})
    yield Step(title, _asking([title]), answers=answers, hit_exists=False), new


def _of_a_frame(free: Iterable[str]) -> Iterable[tuple[Step, str]]:
    hit = next(iter(free))
    for fault in (*(f"garbage?kind={kind}" for kind in ("text", "binary", "json")), "big"):
        yield asked([fault]), hit
    maintenance = ("status?system=maintenance", "status?system=online")
    yield asked(maintenance), hit


def _of_connections(free: Iterable[str]) -> Iterable[tuple[Step, str]]:
    hit = next(iter(free))
    for faults, told, answers in (
        (["close?code=1001"], "closed", _OK),
        (["drop"], "closed", _OK),
        (["accept_and_close?seconds=5", "drop"], "closed", _UNAVAILABLE),
        (["refuse_connections?seconds=3&status=429", "drop"], "closed refused", _UNAVAILABLE),
        (["answer_late?delay=3&seconds=4", "drop"], "closed", _UNAVAILABLE),
        (["lag?delay=7&seconds=8"], "lag", _UNAVAILABLE),
        (["mute?seconds=11"], "silent", _UNAVAILABLE),
    ):
        yield asked(faults, told=told.split(), reach=Reach.ALL, answers=answers), hit


def _of_processes(free: Iterable[str]) -> Iterable[tuple[Step, str]]:
    hit = next(iter(free))
    closed, lag = _syncing(["closed"]), _syncing(["lag"])
    for step in (
        Step(
            "simulator killed, started",
            _restart_simulator,
            closed,
            may_be_told=_syncing(["unreachable"]),
            reach=Reach.ALL,
        ),
        Step("collector killed, started", _restart_collector, reach=Reach.ALL, new_leader=True),
        # With the back-off after it, the pause may be longer than API_MAX_AGE.
        Step(
            "collector frozen for 8 s",
            _freeze_collector,
            lag,
            may_be_told=_STALE,
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


def asked(
    faults: Iterable[str],
    *,
    told: Iterable[str] = (),
    reach: Reach = Reach.NOBODY,
    answers: frozenset[str] = _OK,
) -> Step:
    """Return a step of faults that the simulator makes; `told` are the reasons of doubts."""
    faults = tuple(faults)
    return Step(
        " + ".join(map(_without_symbol, faults)),
        _asking(faults),
        _syncing(told),
        # Whether a doubt lasts so long is a matter of chance where it is waited out at random.
        _STALE if "503" in answers else frozenset(),
        reach,
        answers,
    )


def _syncing(reasons: Iterable[str]) -> frozenset[str]:
    return frozenset(f"syncing: {reason}" for reason in reasons)


def _without_symbol(fault: str) -> str:
    return re.sub(r"symbol=[^&]*&?", "", fault).rstrip("?")


def _of(symbol: str, fault: str) -> str:
    """Return the fault with this symbol; further parameters follow a `&`."""
    name, *parameters = fault.split("&")
    return "&".join((f"{name}?symbol={symbol}", *parameters))


def _asking(faults: Iterable[str]) -> Act:
    def ask(system: SystemUnderTest) -> None:
        for fault in faults:
            system.simulator.fault(fault)

    return ask


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
