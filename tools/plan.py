"""Calculate the processes, servers and bandwidth for a number of readers, from measured figures.

    python -m tools.plan --readers 100000 --books 1100 --updates 5000 --venues 3

Each constant is a figure of bench/README.md and names its benchmark; docs/scale.md has the other
assumptions. Each venue has a separate plan, with its own collectors, Redis and apis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from tools.console import options_parser

# Microseconds of CPU.
COLLECTOR_UPDATE = 88.0
"""Per update: bench --only whole_exchange"""
API_FOLLOW_BOOK = 110.0
"""Per second and book that an api follows: bench --only replicas_all, CPU of the api"""
API_FOLLOW_EVENT = 90.0
"""Per event of a book that an api follows: bench --only replicas_all, CPU of the api"""
API_WRITE = 29.0
"""Per write to one reader, with any number of events: bench --only at_ease"""
API_EVENT = 0.3
"""Per event in a write to one reader: bench --only fan_out"""


class RedisCosts(NamedTuple):
    """Microseconds of CPU that Redis uses."""

    write_event: float = 73.0
    """For an event in a separate call, as nearly all are: bench --only replicas_all"""
    confirm_book: float = 20.0
    """Per second, for a book: the same"""
    follow_book: float = 8.0
    """Per second, for a book and an api that follows it: the same"""
    follow_event: float = 5.5
    """For an event and an api, at 20 events per flush: the same"""
    feed_copy: float = 7.4
    """For an event, to send it to a copy: bench --only redis_replica"""
    copy_event: float = 30.0
    """For an event, in the copy: the same"""


MEASURED_REDIS = RedisCosts()

# Bytes.
COLLECTOR_MEMORY, COLLECTOR_BOOK = 60e6, 32e3
"""For a process and for a book of depth 10: bench --only sizes_all, like the next five"""
REDIS_BOOK = 2.13e3
REDIS_ENTRY = 470.0
"""For an event that is kept: the longer ones of docs/redis.md; 386 by sizes_all"""
API_MEMORY, API_BOOK, API_READER = 59e6, 31e3, 19e3
EVENT_BYTES = 371.0
"""On the network: bench --only replicas_all"""

# Settings' defaults.
RETENTION_SECONDS = 300.0
STREAM_MAXLEN = 20_000

# Assumptions.
MAX_CORE_SHARE = 0.7
"""The planned share of each core; the rest is for bursts."""
MAX_WRITES_PER_SECOND = 20.0
"""Writes to one reader: a busy api collects events, here for 50 ms."""
MAX_GROUPS = 64

_ABOVE_ZERO = ("books", "updates", "venues", "follow", "skew", "retention", "max_events")


class ReadersAndBooks(NamedTuple):
    """The load of one venue: its readers, its books, and its updates per second."""

    readers: float
    books: int
    updates: float
    follow: float = 1.0
    """The number of books that each reader follows."""
    skew: float = 4.0
    """The rate of the followed books, as a multiple of the mean rate."""
    retention: float = RETENTION_SECONDS
    """The seconds for which Redis keeps events."""
    max_events: int = STREAM_MAXLEN
    """The most events of each book that Redis keeps."""

    @property
    def events_each(self) -> float:
        """The events per second to one reader."""
        return min(self.updates, self.updates / self.books * self.follow * self.skew)

    @property
    def kept(self) -> float:
        """The bytes of all books and their events in Redis, if all books are equally busy."""
        events = min(self.updates * self.retention, self.books * self.max_events)
        return self.books * REDIS_BOOK + events * REDIS_ENTRY


@dataclass(frozen=True)
class Plan:
    """The processes of one venue; each process and each Redis needs a core."""

    load: ReadersAndBooks
    collectors: int
    """The number of shards; each also has a standby collector."""
    groups: int
    """The number of groups of apis, each of which follows its share of the books."""
    apis: int
    nodes: int
    """The number of Redis masters; more than one are a Cluster."""
    copies: int
    """The number of copies of each master; if there are any, the apis read only copies."""
    redis_share: float
    """The share of its core that a master uses."""

    @property
    def redis_memory(self) -> float:
        """The bytes of all masters and copies, each with its share of the books."""
        return self.load.kept * (1 + self.copies)

    @property
    def collector_memory(self) -> float:
        """The bytes of each collector."""
        return COLLECTOR_MEMORY + self.load.books / self.collectors * COLLECTOR_BOOK

    @property
    def api_memory(self) -> float:
        """The bytes of each api, without the events that it keeps for its readers."""
        books, readers = self.load.books / self.groups, self.load.readers / self.apis
        return API_MEMORY + books * API_BOOK + readers * API_READER

    @property
    def memory(self) -> float:
        """The bytes of all processes."""
        collectors = 2 * self.collectors * self.collector_memory
        return self.redis_memory + collectors + self.apis * self.api_memory

    @property
    def bits(self) -> float:
        """The bits per second to all readers."""
        return self.load.readers * self.load.events_each * EVENT_BYTES * 8

    @property
    def collector_share(self) -> float:
        """The share of its core that a collector uses."""
        return self.load.updates * COLLECTOR_UPDATE / 1e6 / self.collectors

    @property
    def api_share(self) -> float:
        """The share of its core that an api uses."""
        reading_all = self.load.readers / self.apis * reading(self.load)
        return following(self.load, self.groups) + reading_all

    @property
    def cores(self) -> int:
        """The number of cores, including those of standby collectors."""
        return 2 * self.collectors + self.apis + self.nodes * (1 + self.copies)

    def lines(self) -> Iterator[str]:
        """Render the plan as text.

        Yields:
            The lines of the text.

        """
        load = self.load
        yield (
            f"{load.readers:,.0f} readers of {load.follow:g} of {load.books:,} books,"
            f" {load.updates:,.0f} updates/s: {load.events_each:,.1f} events/s to each"
        )
        kinds = f", in {self.groups} groups by book" if self.groups > 1 else ""
        each = _each(self.collector_memory, self.collector_share)
        yield f"  collectors   {self.collectors}, and {self.collectors} on standby; {each}"
        yield f"  apis         {self.apis}{kinds}; {_each(self.api_memory, self.api_share)}"
        each = _each(load.kept / self.nodes, self.redis_share)
        yield f"  Redis        masters: {self.nodes}, copies of each: {self.copies}; {each}"
        in_redis = self.redis_memory / 1e9
        yield f"  memory       {self.memory / 1e9:.1f} GB, including {in_redis:.1f} GB in Redis"
        yield f"  to readers   {self.bits / 1e9:.2f} Gbit/s"
        yield f"  cores        {self.cores}"


class TooMuch(Exception):
    """A load for which one api would have to follow more books than it can."""


def plan(load: ReadersAndBooks, redis: RedisCosts = MEASURED_REDIS) -> Plan:
    """Return the plan with the fewest apis.

    Args:
        load: The readers and books of one venue.
        redis: The costs of Redis.

    Returns:
        The plan.

    Raises:
        TooMuch: One api would have to follow more books than it can.

    """
    # A stream of several books needs an api that follows all books, so there is only one group.
    most = min(MAX_GROUPS, load.books) if load.follow <= 1 else 1
    groups = [2**power for power in range(most.bit_length())]
    fitting = [group for group in groups if following(load, group) < MAX_CORE_SHARE]
    if not fitting:
        raise TooMuch(
            f"following {load.books:,} books at {load.updates:,.0f} updates/s needs"
            f" {following(load, groups[-1]):.1f} cores of one api: use --follow 1, that is a"
            " stream for each book, or plan for parts of the books"
        )
    apis, few = min((_apis(load, group), group) for group in fitting)
    collectors = max(1, ceil(load.updates * COLLECTOR_UPDATE / 1e6 / MAX_CORE_SHARE))
    nodes, copies, share = _redis(load, apis, few, redis)
    return Plan(load, collectors, few, apis, nodes, copies, share)


def following(load: ReadersAndBooks, groups: int) -> float:
    """Return the share of a core that an api uses to follow its share of the books.

    The figures were measured with a reader of all books. A stream of one book needs less.
    """
    return (load.books * API_FOLLOW_BOOK + load.updates * API_FOLLOW_EVENT) / groups / 1e6


def reading(load: ReadersAndBooks) -> float:
    """Return the share of an api's core that one reader uses."""
    writes = min(load.events_each, MAX_WRITES_PER_SECOND)
    return (writes * API_WRITE + load.events_each * API_EVENT) / 1e6


def _apis(load: ReadersAndBooks, groups: int) -> int:
    free_share = MAX_CORE_SHARE - following(load, groups)
    return groups * max(1, ceil(load.readers / groups * reading(load) / free_share))


def _redis(
    load: ReadersAndBooks, apis: int, groups: int, costs: RedisCosts
) -> tuple[int, int, float]:
    """Return the number of masters, of copies of each, and the share of a master's core."""
    writing = (load.updates * costs.write_event + load.books * costs.confirm_book) / 1e6
    events, copy = load.updates / 1e6, load.updates * costs.copy_event / 1e6
    # Each api reads its share of the books from all masters.
    read = load.books * costs.follow_book / 1e6 + events * costs.follow_event
    read *= apis / groups
    nodes = 1
    while True:
        if (writing + read) / nodes <= MAX_CORE_SHARE:
            return nodes, 0, (writing + read) / nodes
        spare = MAX_CORE_SHARE - copy / nodes
        copies = ceil(read / nodes / spare) if spare > 0 else 0
        fed = (writing + copies * events * costs.feed_copy) / nodes
        if copies and fed <= MAX_CORE_SHARE:
            return nodes, copies, fed
        nodes += 1


def _each(memory: float, share: float) -> str:
    return f"each {memory / 1e6:,.0f} MB, {share:.0%} of a core"


def main() -> None:
    """Print the plan for the load on the command line."""
    parser = options_parser(
        "plan",
        "Calculate the processes, servers and bandwidth that a load needs.",
        {0: "the plan is printed", 2: "an argument is invalid, or the load is too much"},
    )
    add = parser.add_argument
    add(
        "--readers",
        type=int,
        default=100_000,
        help="number of readers of all venues (default: %(default)s)",
    )
    add("--books", type=int, default=1100, help="books of each venue (default: %(default)s)")
    add(
        "--updates",
        type=float,
        default=5000.0,
        help="updates per second of each venue (default: %(default)g)",
    )
    add("--venues", type=int, default=1, help="number of venues (default: %(default)s)")
    add(
        "--follow",
        type=float,
        default=1.0,
        help="number of books that a reader follows (default: %(default)g)",
    )
    add(
        "--skew",
        type=float,
        default=4.0,
        help="rate of the followed books, as a multiple of the mean (default: %(default)g)",
    )
    add(
        "--retention",
        type=float,
        default=RETENTION_SECONDS,
        help="seconds of events in Redis, as STREAM_RETENTION (default: %(default)g)",
    )
    add(
        "--max-events",
        type=int,
        default=STREAM_MAXLEN,
        help="events of a book in Redis, as STREAM_MAXLEN (default: %(default)s)",
    )
    options = parser.parse_args()
    venues = options.venues
    wrong = [name for name in _ABOVE_ZERO if getattr(options, name) <= 0]
    if wrong:
        parser.error(f"--{wrong[0].replace('_', '-')} must be above 0")
    load = ReadersAndBooks(
        options.readers / venues,
        options.books,
        options.updates,
        options.follow,
        options.skew,
        options.retention,
        options.max_events,
    )
    try:
        found = plan(load)
    except TooMuch as error:
        parser.error(str(error))
    for line in found.lines():
        print(line)
    if venues > 1:
        print(
            f"{venues} venues: {venues * found.cores} cores, {venues * found.apis} apis,"
            f" {venues * found.memory / 1e9:.1f} GB, {venues * found.bits / 1e9:.2f} Gbit/s"
        )


if __name__ == "__main__":
    main()
