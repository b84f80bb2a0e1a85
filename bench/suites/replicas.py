"""Redis's CPU for each api process ("replica"), and the number of replicas that one Redis carries.

A Redis with 1,100 books, written as a collector writes them, and 1, 10 and 50 processes of the api
that read it: without a reader, each with a reader of the 20 busiest books, each with a reader of
all books. The cost is Redis's own count of its CPU (`INFO cpu`) without the CPU of the writing
alone, divided by the replicas. It is measured at three slow paces that two cores can handle:
nothing is written, one event per flush, 20 events per flush. So the costs at rest, of a flush and
of an event are separate. With one replica it is also measured at the pace of a whole exchange,
because a busy Redis does more with the same CPU. If a reader misses an event, there is no figure.
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
# Fifty replicas that follow 1,100 books need more than two cores, even if nothing is written.
MAX_OF_ALL = 10
SECONDS = 4.0
TURNS = 5
READ: tuple[Following, ...] = ("few", "all")
PACES = (WritePace(10, 0), WritePace(10, 1), WritePace(10, 20))
"""Nothing, one event per flush, 20 events per flush."""


class Cost(NamedTuple):
    """Redis's CPU for one replica, in microseconds."""

    second: float
    """Per second while nothing is written."""
    flush: float
    event: float
    """For an event that it follows; NaN if it follows none."""
    thin: float
    """In total for each written event, at one event per flush."""
    thick: float
    """In total for each written event, at 20 events per flush."""


class Busy(NamedTuple):
    """Shares of a core at the pace of an exchange with one replica."""

    writing: float
    """Redis, for the writing alone."""
    replica: float
    """Redis, for the replica."""
    quiet: float
    """The replica, while only confirmations are written."""
    api: float
    """The replica at the pace of an exchange."""
    event_bytes: float
    """The bytes of an event to a reader."""


@dataclass(frozen=True)
class Replicas:
    """The costs by number of replicas and by followed books."""

    books: int
    few_share: float
    """The share of all events that belongs to the few busiest books."""
    touch: float
    """Redis's CPU to confirm a book without updates, in microseconds."""
    busy: dict[Following, Busy]
    costs: dict[tuple[int, Following], Cost]

    @property
    def writing(self) -> float:
        """The share of a core for the writing alone at the pace of an exchange."""
        return median(busy.writing for busy in self.busy.values())

    def most(self, following: Following) -> int:
        """Return the number of replicas that one core carries at the pace of an exchange."""
        return int(max(0.0, 1 - self.writing) / max(1e-6, self.busy[following].replica))

    def rows(self) -> Iterator[Row]:
        """Yield Redis's CPU for each event and replica, and the replicas that a core carries."""
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
            yield _row(f"{what}: per second without writes", cost.second, "us")
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
    """Return a row for the difference of two measures, if it is larger than their noise."""
    if found > 0:
        return Row(what=what, ours=found, unit=unit)
    return Row(what=what, not_measured="smaller than the noise of the machine")


def cost_of(writing: Sequence[Spent], spent: Sequence[Spent], replicas: int) -> Cost:
    """Return the cost of one replica from the figures without and with replicas at each pace.

    Two paces with the same number of flushes separate the cost of a flush from that of an event.
    """
    still, thin, thick = (
        (with_them.cpu - alone.cpu * _relative_rate(alone, with_them)) / replicas * 1e6
        for alone, with_them in zip(writing, spent, strict=True)
    )
    read = spent[2].read - spent[1].read
    event = (thick - thin) / read if read else float("nan")
    of_events = event * spent[1].read if read else 0.0
    flush = (thin - still - of_events) / spent[1].flushes
    return Cost(still, flush, event, thin / spent[1].events, thick / spent[2].events)


def _relative_rate(alone: Spent, with_them: Spent) -> float:
    """Return the rate of events with replicas, divided by the rate without."""
    return with_them.events / alone.events if alone.events else 1.0


def measure(
    scale: float,
    progress: Progress,
    replicas: Sequence[int] = REPLICAS,
    seconds: float = SECONDS,
    turns: int = TURNS,
    read: Sequence[Following] = READ,
) -> Iterator[Row]:
    """Measure each number of replicas, and one replica at the pace of an exchange.

    Args:
        scale: The share of the replicas, the books and the time.
        progress: Called with each step.
        replicas: The numbers of replicas; if empty, only the pace of an exchange is measured.
        seconds: The duration of each pace.
        turns: The number of turns at the pace of an exchange.
        read: The choices of followed books at the pace of an exchange.

    Returns:
        The figures.

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
    """Measure one replica at the pace of an exchange; return the medians of the turns."""
    # Without and with readers in turns, because the speed of the machine varies.
    pairs = [(load.alone(BUSY), load.spent(following, [BUSY])[0]) for _ in range(turns)]
    (quiet,) = load.spent(following, [QUIET])
    return Busy(
        median(alone.cpu for alone, _ in pairs),
        median(spent.cpu - alone.cpu * _relative_rate(alone, spent) for alone, spent in pairs)
        / len(load.apis),
        quiet.api,
        median(spent.api for _, spent in pairs),
        pairs[0][1].event_bytes,
    )


def _followings(count: int) -> list[Following]:
    return [each for each in WORDS if each != "all" or count <= MAX_OF_ALL]
