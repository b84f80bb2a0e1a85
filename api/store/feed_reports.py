"""The reports that leading collectors write to `<venue>:feed`, with their ages.

A report is foreign data: what is malformed or too long is left out, and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic, time_ns

import msgspec
from redis.exceptions import RedisError

from api.store.coalesce import SingleFlight
from api.store.venues import Venues
from kraken_book.contract.keys import feed_key
from kraken_book.contract.version import newer_contract
from kraken_book.json_errors import JSON_ERRORS
from kraken_book.timestamps import parse_rfc3339
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import Nodes

FRESH_SECONDS = 1.0
"""For this time the reports are not read again."""
MAX_SHARDS = 64
"""Of a venue, at most so many reports are kept."""
MAX_CONNECTIONS = 64
"""Of a report, at most so many connections are kept."""
MAX_REPORT_BYTES = 64 * 1024
"""A longer report is left out."""


class ReportedConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection of a collector to its venue."""

    name: str
    state: str
    last_frame: str | None = None
    symbols: int = 0
    reconnects: int = 0
    lag_ms: int | None = None
    system: str | None = None


class ReportedLeader(msgspec.Struct, frozen=True):
    """The process that wrote a report."""

    host: str
    pid: int


class ReportedRedis(msgspec.Struct, frozen=True):
    """Whether the collector has trouble with Redis; the texts of its troubles are not kept."""

    status: str


class FeedReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a report; docs/http.md describes its members."""

    leader: ReportedLeader
    at: str
    version: str | None = None
    contract: str = "1.0"
    epoch: int | None = None
    redis: ReportedRedis = ReportedRedis("ok")
    symbols: dict[str, int] = {}
    mismatches: dict[str, int] = {}
    resyncs: dict[str, int] = {}
    connections: list[ReportedConnection] = []


@dataclass(frozen=True, slots=True)
class AgedReport:
    """A report, and the time of its last change as far as this process knows it."""

    shard: str
    report: FeedReport
    changed_at: float
    """By the monotonic clock, in seconds."""


@dataclass(frozen=True, slots=True)
class VenueReports:
    """The reports of one venue.

    Attributes:
        reports: The reports by shard, sorted.
        malformed: The number of reports that were left out.
        error: Why they could not be read now; the reports are then the last ones.
        newer: The version of the contract of a collector that is newer than this program's.
    """

    reports: tuple[AgedReport, ...] = ()
    malformed: int = 0
    error: Reason | None = None
    newer: str | None = None


@dataclass(slots=True)
class _State:
    venues: dict[str, VenueReports] = field(default_factory=dict)
    read_at: float = float("-inf")


_decoder = msgspec.json.Decoder(FeedReport)


class FeedReports:
    """Reads the reports of all venues, at most once in `FRESH_SECONDS` for all callers.

    Args:
        nodes: The nodes of Redis.
        venues: The known venues.
        clock: Returns monotonic seconds.
        wall_clock: Returns Unix time in nanoseconds.
    """

    def __init__(
        self,
        nodes: Nodes,
        venues: Venues,
        clock: Callable[[], float] = monotonic,
        wall_clock: Callable[[], int] = time_ns,
    ) -> None:
        self._nodes = nodes
        self._venues = venues
        self._clock = clock
        self._wall_clock = wall_clock
        self._state = _State()
        self._reading = SingleFlight(self._read)

    async def read(self) -> Mapping[str, VenueReports]:
        """Return the reports of each venue; errors of Redis are part of the result."""
        if self._clock() - self._state.read_at >= FRESH_SECONDS:
            await self._reading.get(None)
        return self._state.venues

    async def _read(self, _all: None) -> None:
        begun = self._clock()
        await self._venues.read()
        known = self._venues.known
        found = await asyncio.gather(*map(self._reports_of, known))
        self._state = _State(dict(zip(known, found, strict=True)), begun)

    async def _reports_of(self, venue: str) -> VenueReports:
        last = self._state.venues.get(venue, VenueReports())
        key = feed_key(venue)
        try:
            reply: dict[bytes, bytes] = await self._nodes.call(key, "HGETALL", key)
        except (RedisError, OSError) as error:
            return VenueReports(last.reports, last.malformed, describe(error).reason, last.newer)
        known = {each.shard: each for each in last.reports}
        shards = sorted(reply)[:MAX_SHARDS]
        read = [self._aged(shard.decode(errors="replace"), reply[shard], known) for shard in shards]
        reports = tuple(each for each in read if each is not None)
        readable = (reply[each] for each in shards if len(reply[each]) <= MAX_REPORT_BYTES)
        newer = map(newer_contract, readable)
        return VenueReports(
            reports, len(reply) - len(reports), newer=next(filter(None, newer), None)
        )

    def _aged(self, shard: str, data: bytes, known: Mapping[str, AgedReport]) -> AgedReport | None:
        """Return a report, None if it is malformed.

        The age of the first report counts from its own time, by the clock of this machine. A later
        one has changed since the last read, so it is not older than that, whatever the clocks say.
        """
        if len(data) > MAX_REPORT_BYTES:
            return None
        try:
            report = _decoder.decode(data)
            at = parse_rfc3339(report.at)
        except (*JSON_ERRORS, ValueError):
            return None
        report = msgspec.structs.replace(report, connections=report.connections[:MAX_CONNECTIONS])
        last = known.get(shard)
        if last is not None and last.report == report:
            return last
        changed_at = self._clock() - max(0.0, (self._wall_clock() - at) / 1e9)
        if last is not None:
            changed_at = max(changed_at, self._state.read_at)
        return AgedReport(shard, report, changed_at)
