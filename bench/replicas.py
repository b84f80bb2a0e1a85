"""What replicas of the api cost their Redis, and so how many of them one carries.

    python -m bench.replicas

A Redis with 1,100 books, written as a collector writes them, and 1, 10 and 50 processes of the api
that read it: with nobody to follow for, with a reader of the 20 busiest books each, with a reader
of all books each. Redis's own count of its CPU (`INFO cpu`), less what it needs for the writing
alone, divided by the replicas. At three gentle paces, which two cores keep up with whatever the
replicas do: nothing is written, one event a flush, 20 a flush; so the cost of standing still, of a
flush, and of an event are told apart. And with the fewest replicas at the pace of a whole exchange,
from which follows how many a core carries: a Redis that has much to do does it more cheaply. Where
a reader missed an event there is no figure.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.benchmark import Progress, share_of
from bench.command import command_line, run
from bench.redis_load import BUSY, FEW, QUIET, WORDS, Following, Pace, RedisLoad, Spent
from bench.rows import Row
from lab.processes import Stage

BOOKS = 1100
REPLICAS = (1, 10, 50)
# Fifty that follow 1,100 books each need more than this machine has, even where nothing is written.
MOST_OF_ALL = 10
SECONDS = 4.0
TURNS = 5
READ: tuple[Following, ...] = ("few", "all")
PACES = (Pace(10, 0), Pace(10, 1), Pace(10, 20))
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

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield (
            f"{self.books:,} books, {self.few_share:.1%} of the events are of the {FEW} busiest;"
            " Redis's CPU for each replica, in us:"
        )
        yield (
            "  replicas  following     a second standing still   a flush  an event it follows"
            "   of each written event, one a flush   20 a flush"
        )
        for (count, following), cost in self.costs.items():
            yield (
                f"  {count:8}  {WORDS[following]:10}{cost.second:27,.0f}{cost.flush:10.1f}"
                f"{cost.event:21.1f}{cost.thin:38.1f}{cost.thick:13.2f}"
            )
        yield (
            f"  at {BUSY.flushes * BUSY.events:,.0f} events/s, {BUSY.events} a flush, writing takes"
            f" {self.writing:.1%} of a core, of it {self.touch:.1f} us a second for each book that"
            " is confirmed; it carries beside that"
        )
        for following, busy in self.busy.items():
            yield (
                f"    {self.most(following):,} replicas that follow {WORDS[following]}"
                f" ({busy.replica:.2%} each; itself {busy.api:.1%},"
                f" {busy.quiet:.1%} where nothing moves)"
            )
        yield f"  an event is {self.busy['all'].event_bytes:.0f} bytes on its way to a reader"

    def rows(self) -> Iterator[Row]:
        """What an event costs Redis for each replica, and how many replicas a core carries."""
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


def _row(what: str, found: float, unit: str) -> Row:
    """A difference of two measures that may be less than what either is off."""
    if found > 0:
        return Row(what=what, ours=found, unit=unit)
    return Row(what=what, not_measured="less than other work on the machine lets see")


def cost_of(writing: Sequence[Spent], spent: Sequence[Spent], replicas: int) -> Cost:
    """What one of the replicas cost, from what was spent without and with them at each pace.

    A flush and an event are told apart by the two paces that have as many flushes.
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
) -> Replicas:
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
        return Replicas(books, share, touch, busy, costs)


def _busy(load: RedisLoad, following: Following, turns: int) -> Busy:
    """What replicas cost at the pace of an exchange, the median of so many turns."""
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


if __name__ == "__main__":
    sys.exit(run(measure, command_line(__doc__)))
