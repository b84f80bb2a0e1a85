"""What api processes ("replicas") cost their Redis, and so how many of them one Redis carries.

A Redis with 1,100 books, written as a collector writes them, and 1, 10 and 50 processes of the api
that read it: without a reader, with a reader of the 20 busiest books each, with a reader of all
books each. The cost is Redis's own count of its CPU (`INFO cpu`), less what the writing alone
takes, divided by the replicas. It is measured at three gentle paces, which two cores keep up with
(nothing is written, one event a flush, 20 a flush), so the costs of standing still, of a flush and
of an event are separate; and, with one replica, at the pace of a whole exchange, since a busy Redis
does more with the same CPU. If a reader misses an event there is no figure.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from bench.load.redis_load import BUSY, FEW, QUIET, WORDS, Following, RedisLoad, Spent, WritePace
from bench.report.rows import Row
from bench.suite import Progress, share_of
from lab.stage import Stage

BOOKS = 1100
REPLICAS = (1, 10, 50)
# Fifty that follow 1,100 books each need more than this machine has, even where nothing is written.
MOST_OF_ALL = 10
SECONDS = 4.0
TURNS = 5
READ: tuple[Following, ...] = ("few", "all")
PACES = (WritePace(10, 0), WritePace(10, 1), WritePace(10, 20))
"""Still, thin, thick."""


class Cost(NamedTuple):
    """What one replica costs Redis, in microseconds of CPU."""

    second: float
    """For standing still, a second."""
    flush: float
    event: float
    """For an event that it follows; NaN where it follows none."""
    thin: float
    """All of it, for each event that is written, at one event a flush."""
    thick: float
    """The same at 20 events a flush."""


class Busy(NamedTuple):
    """Shares of a core at the pace of an exchange, with one replica."""

    writing: float
    """Redis's, for the writing alone."""
    replica: float
    """What the replica adds to it."""
    quiet: float
    """The replica's own, while nothing but confirmations is written."""
    api: float
    """The replica's own, at that pace."""
    event_bytes: float
    """Of an event on its way to a reader."""


@dataclass(frozen=True)
class Replicas:
    """What each number of replicas cost, by what they followed."""

    books: int
    few_share: float
    """The share of all events that is of the books of those who follow few."""
    touch: float
    """What it costs to confirm a book that stands still, in microseconds."""
    busy: dict[Following, Busy]
    costs: dict[tuple[int, Following], Cost]

    @property
    def writing(self) -> float:
        """What the writing alone takes of a core at the pace of an exchange."""
        return median(busy.writing for busy in self.busy.values())

    def most(self, following: Following) -> int:
        """How many replicas one core carries beside the writing, at the pace of an exchange."""
        return int(max(0.0, 1 - self.writing) / max(1e-6, self.busy[following].replica))

    def rows(self) -> Iterator[Row]:
        """Yield what an event costs Redis a replica, and how many replicas a core carries."""
        for (count, following), cost in self.costs.items():
            if following != "nobody":
                what = f"Redis, an event and replica: {count} of {WORDS[following]}"
                yield _row(what, cost.event, "us")
        for following, busy in self.busy.items():
            word = f"{BUSY.flushes * BUSY.events:,.0f} events/s, {WORDS[following]}"
            yield _row(f"Redis, each replica: {word}", busy.replica * 100, "% of a core")
            what = f"a Redis core carries: of {WORDS[following]}"
            carried = float(self.most(following)) if busy.replica > 0 else 0.0
            yield _row(what, carried, "replicas")
        for row in self._details():
            yield msgspec.structs.replace(row, is_detail=True)

    def _details(self) -> Iterator[Row]:
        for (count, following), cost in self.costs.items():
            what = f"Redis, each of {count} following {WORDS[following]}"
            yield _row(f"{what}: standing still, a second", cost.second, "us")
            yield _row(f"{what}: a flush", cost.flush, "us")
            yield _row(f"{what}: a written event, one a flush", cost.thin, "us")
            yield _row(f"{what}: a written event, 20 a flush", cost.thick, "us")
        yield Row(what="Redis, writing alone", ours=self.writing * 100, unit="% of a core")
        yield Row(what="Redis, to confirm a book", ours=self.touch, unit="us")
        for following, busy in self.busy.items():
            what = f"an api that follows {WORDS[following]}"
            yield _row(what, busy.api * 100, "% of a core")
            yield _row(f"{what}, nothing moves", busy.quiet * 100, "% of a core")
            yield _row(f"{what}: an event to a reader", busy.event_bytes, "bytes")
        what = f"events that are of the {FEW} busiest books"
        yield Row(what=what, ours=self.few_share * 100, unit="%")


def _row(what: str, found: float, unit: str) -> Row:
    """Return a row for a difference of two measures, if it is larger than their noise."""
    if found > 0:
        return Row(what=what, ours=found, unit=unit)
    return Row(what=what, not_measured="less than other work on the machine lets see")


def cost_of(writing: Sequence[Spent], spent: Sequence[Spent], replicas: int) -> Cost:
    """Return what one replica costs, from what was spent without and with them at each pace.

    Two paces with the same number of flushes separate the cost of a flush from that of an event.
    """
    still, thin, thick = (
        (with_them.cpu - alone.cpu * _longer(alone, with_them)) / replicas * 1e6
        for alone, with_them in zip(writing, spent, strict=True)
    )
    read = spent[2].read - spent[1].read
    event = (thick - thin) / read if read else float("nan")
    of_events = event * spent[1].read if read else 0.0
    flush = (thin - still - of_events) / spent[1].flushes
    return Cost(still, flush, event, thin / spent[1].events, thick / spent[2].events)


def _longer(alone: Spent, with_them: Spent) -> float:
    """By how much less was written in a second, where readers had to be waited for."""
    return with_them.events / alone.events if alone.events else 1.0


def measure(
    scale: float,
    progress: Progress,
    replicas: Sequence[int] = REPLICAS,
    seconds: float = SECONDS,
    turns: int = TURNS,
    read: Sequence[Following] = READ,
) -> Iterator[Row]:
    """Measure with this share of the replicas, the books and the time; `seconds` are of a pace.

    Without any number of `replicas` only the pace of an exchange is measured, with one.
    """
    books = max(2 * FEW, share_of(BOOKS, scale))
    counts = sorted({share_of(count, scale) for count in replicas})
    costs: dict[tuple[int, Following], Cost] = {}
    busy: dict[Following, Busy] = {}
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        load = RedisLoad(stage, Path(folder), books, max(0.5, seconds * scale))
        touch = load.touch()
        followings = sum(len(_followings(count)) for count in counts)
        progress.expect(1 + len(read) + len(counts) + followings)
        progress("writing alone")
        writing = load.spent("nobody", PACES if counts else ())
        load.grow_to(1)
        for following in read:
            progress(f"at the pace of an exchange, of {WORDS[following]}")
            busy[following] = _busy(load, following, turns if scale >= 1 else 1)
        for count in counts:
            progress(f"{count} replicas start")
            load.grow_to(count)
            for following in _followings(count):
                progress(f"{count} replicas follow {WORDS[following]}")
                costs[count, following] = cost_of(writing, load.spent(following, PACES), count)
        moved = load.writer.moved
        share = sum(moved[symbol] for symbol in load.writer.symbols[:FEW]) / moved.total()
        return Replicas(books, share, touch, busy, costs).rows()


def measure_busy(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure only one replica that follows all books, at the pace of an exchange."""
    return measure(scale, progress, replicas=(), read=("all",), seconds=1.5, turns=3)


def _busy(load: RedisLoad, following: Following, turns: int) -> Busy:
    """Measure what replicas cost at the pace of an exchange, the median of the turns."""
    # Without and with them in turns, since the machine does not do as much at all times.
    pairs = [(load.alone(BUSY), load.spent(following, [BUSY])[0]) for _ in range(turns)]
    (quiet,) = load.spent(following, [QUIET])
    return Busy(
        median(alone.cpu for alone, _ in pairs),
        median(spent.cpu - alone.cpu * _longer(alone, spent) for alone, spent in pairs)
        / len(load.apis),
        quiet.api,
        median(spent.api for _, spent in pairs),
        pairs[0][1].event_bytes,
    )


def _followings(count: int) -> list[Following]:
    return [each for each in WORDS if each != "all" or count <= MOST_OF_ALL]
