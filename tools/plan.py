"""How many processes, servers and bits a second readers take, calculated from what was measured.

    python -m tools.plan --readers 100000 --books 1100 --updates 5000 --venues 3

Each constant is a figure of bench/README.md and names the suite that measures it; docs/scale.md
says what else is assumed. Each venue is planned by itself: its collectors, its Redis, its apis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from tools.console import options_parser

# Microseconds of CPU.
COLLECTOR_UPDATE = 88.0
"""python -m bench --only whole_exchange"""
REDIS_EVENT = 73.0
"""To write an event by itself, as nearly all are: python -m bench --only replicas_all"""
REDIS_CONFIRM = 20.0
"""A second and book: the same"""
REDIS_FOLLOW_BOOK = 8.0
"""A second, book and api that follows it: the same"""
REDIS_FOLLOW_EVENT = 5.5
"""An event and api, at 20 events a flush: the same"""
REDIS_FEED_EVENT = 7.4
"""For an event to a copy: bench --only redis_replica"""
REDIS_COPY_EVENT = 30.0
"""For an event in a copy: the same"""
API_FOLLOW_BOOK = 110.0
"""A second and book that an api follows: bench --only replicas_all, the api's own CPU"""
API_FOLLOW_EVENT = 90.0
"""The same, an event"""
API_WRITE = 29.0
"""To one reader, whatever is in it: bench --only at_ease"""
API_EVENT = 0.3
"""In a write, to one reader: bench --only fan_out"""

# Bytes.
COLLECTOR_MEMORY, COLLECTOR_BOOK = 60e6, 32e3
"""bench --only sizes_all, depth 10; so are all that follow"""
REDIS_BOOK, REDIS_ENTRY = 2.13e3, 386.0
API_MEMORY, API_BOOK, API_READER = 59e6, 31e3, 19e3
EVENT_BYTES = 371.0
"""On the wire: bench --only replicas_all"""

# Settings' defaults.
RETENTION_SECONDS = 300.0

# Assumed.
BUSY = 0.7
"""The share of a core that is planned for; the rest is for bursts."""
WRITES_A_SECOND = 20.0
"""Writes to one reader: a busy api lets events gather, here for 50 ms."""
MOST_GROUPS = 64


class ReadersAndBooks(NamedTuple):
    """The load of one venue: its readers, its books and its updates a second."""

    readers: float
    books: int
    updates: float
    follow: float = 1.0
    """Books that each reader follows."""
    skew: float = 4.0
    """How much more often than others the books that are read move."""

    @property
    def events_each(self) -> float:
        """Events a second to one reader."""
        return min(self.updates, self.updates / self.books * self.follow * self.skew)


@dataclass(frozen=True)
class Plan:
    """What one venue needs; each process and each Redis has a core."""

    load: ReadersAndBooks
    collectors: int
    """Shards; each has a second collector that stands by."""
    groups: int
    """The number of groups of apis, each with its share of the books; 1 if all follow all."""
    apis: int
    nodes: int
    """Redis nodes that are written to; more than one is a Cluster."""
    copies: int
    """Copies of each node; if there are any, the apis read these."""
    redis_memory: float
    """The bytes of all nodes and copies; each has its share of the books."""
    memory: float
    """The bytes of all processes."""
    bits: float
    """Bits a second to all readers."""

    @property
    def cores(self) -> int:
        """All cores, also those of collectors that stand by."""
        return 2 * self.collectors + self.apis + self.nodes * (1 + self.copies)

    def lines(self) -> Iterator[str]:
        """Yield the plan as text."""
        load = self.load
        yield (
            f"{load.readers:,.0f} readers of {load.follow:g} of {load.books:,} books,"
            f" {load.updates:,.0f} updates/s: {load.events_each:,.1f} events/s to each"
        )
        kinds = f", in {self.groups} groups by book" if self.groups > 1 else ""
        yield f"  collectors   {self.collectors} and as many that stand by"
        yield f"  apis         {self.apis}{kinds}"
        yield f"  Redis        {self.nodes} written to, {self.copies} copies of each"
        in_redis = self.redis_memory / 1e9
        yield f"  memory       {self.memory / 1e9:.1f} GB, of it {in_redis:.1f} in Redis"
        yield f"  to readers   {self.bits / 1e9:.2f} Gbit/s"
        yield f"  cores        {self.cores}"


class TooMuch(Exception):
    """One api cannot follow as many books as it would have to."""


def plan(load: ReadersAndBooks) -> Plan:
    """Return the plan with the fewest apis; raise TooMuch if there is none."""
    # Who reads several books finds them all only where every api has every book.
    most = min(MOST_GROUPS, load.books) if load.follow <= 1 else 1
    groups = [2**power for power in range(most.bit_length())]
    fitting = [group for group in groups if following(load, group) < BUSY]
    if not fitting:
        raise TooMuch(
            f"to follow {load.books:,} books at {load.updates:,.0f} updates/s takes"
            f" {following(load, groups[-1]):.1f} cores of an api: let readers have a stream for"
            " each book, or plan parts of the books by themselves"
        )
    apis, few = min((_apis(load, group), group) for group in fitting)
    collectors = max(1, ceil(load.updates * COLLECTOR_UPDATE / 1e6 / BUSY))
    nodes, copies = _redis(load, apis, few)
    kept = load.books * REDIS_BOOK + load.updates * RETENTION_SECONDS * REDIS_ENTRY
    redis_memory = kept * (1 + copies)
    memory = (
        redis_memory
        + 2 * (collectors * COLLECTOR_MEMORY + load.books * COLLECTOR_BOOK)
        + apis * (API_MEMORY + load.books / few * API_BOOK)
        + load.readers * API_READER
    )
    bits = load.readers * load.events_each * EVENT_BYTES * 8
    return Plan(load, collectors, few, apis, nodes, copies, redis_memory, memory, bits)


def following(load: ReadersAndBooks, groups: int) -> float:
    """Return the share of a core that an api takes to follow its share of the books.

    Measured with a reader of all books; a stream of one book takes less.
    """
    return (load.books * API_FOLLOW_BOOK + load.updates * API_FOLLOW_EVENT) / groups / 1e6


def reading(load: ReadersAndBooks) -> float:
    """Return the share of an api's core that one reader takes."""
    writes = min(load.events_each, WRITES_A_SECOND)
    return (writes * API_WRITE + load.events_each * API_EVENT) / 1e6


def _apis(load: ReadersAndBooks, groups: int) -> int:
    each_group = load.readers / groups * reading(load) / (BUSY - following(load, groups))
    return groups * max(1, ceil(each_group))


def _redis(load: ReadersAndBooks, apis: int, groups: int) -> tuple[int, int]:
    """Return the number of nodes and the copies of each."""
    writing = (load.updates * REDIS_EVENT + load.books * REDIS_CONFIRM) / 1e6
    events, copy = load.updates / 1e6, load.updates * REDIS_COPY_EVENT / 1e6
    # Each api reads all nodes, its share of each one's books.
    read = load.books * REDIS_FOLLOW_BOOK / 1e6 + events * REDIS_FOLLOW_EVENT
    read *= apis / groups
    nodes = 1
    while True:
        if (writing + read) / nodes <= BUSY:
            return nodes, 0
        spare = BUSY - copy / nodes
        copies = ceil(read / nodes / spare) if spare > 0 else 0
        fed = (writing + copies * events * REDIS_FEED_EVENT) / nodes
        if copies and fed <= BUSY:
            return nodes, copies
        nodes += 1


def main() -> None:
    """Print the plan for the command line."""
    parser = options_parser("plan", "Plan the processes and servers that so many readers need.")
    parser.add_argument("--readers", type=int, default=100_000, help="of all venues together")
    parser.add_argument("--books", type=int, default=1100, help="of each venue")
    parser.add_argument("--updates", type=float, default=5000.0, help="a second, of each venue")
    parser.add_argument("--venues", type=int, default=1)
    parser.add_argument("--follow", type=float, default=1.0, help="books that a reader follows")
    parser.add_argument("--skew", type=float, default=4.0, help="how much busier those are")
    options = parser.parse_args()
    venues = options.venues
    load = ReadersAndBooks(
        options.readers / venues, options.books, options.updates, options.follow, options.skew
    )
    try:
        found = plan(load)
    except TooMuch as error:
        parser.error(str(error))
    for line in found.lines():
        print(line)
    if venues > 1:
        print(
            f"{venues} such venues: {venues * found.cores} cores, {venues * found.apis} apis,"
            f" {venues * found.memory / 1e9:.1f} GB, {venues * found.bits / 1e9:.2f} Gbit/s"
        )


if __name__ == "__main__":
    main()
