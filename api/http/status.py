"""The route /status: the collectors of each venue, Redis, and this replica, for operators."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import monotonic

from starlette.requests import Request
from starlette.responses import Response

from api.access.caller import caller_of
from api.access.permission import Denied
from api.delivery.streams import Streams
from api.http.answers import (
    FeedStatus,
    RedisStatus,
    ReplicaStatus,
    ReportedCollector,
    StatusAnswer,
)
from api.http.json_text import encode_json
from api.store.book_store import BookStore
from api.store.feed_reports import AgedReport, VenueReports
from kraken_book import __version__
from runtime.redis.errors import Reason

SILENT_AFTER = 5.0
"""Seconds without a new report after which a collector is `silent`; it reports every second."""
# These may concern one key; the others mean that Redis does not serve this replica.
_OF_A_KEY = (Reason.WRONG_TYPE, Reason.NO_PERMISSION, Reason.ERROR)


class StatusRoute:
    """The handler of the route.

    Args:
        store: Reads the reports of the collectors.
        streams: The open streams.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, store: BookStore, streams: Streams, clock: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._streams = streams
        self._clock = clock
        self._name = secrets.token_hex(4)
        self._started_at = clock()

    async def status(self, request: Request) -> Response:
        """Answer with the state of the service; raise Denied for a key of some symbols only."""
        if caller_of(request.scope).symbols is not None:
            raise Denied("key-forbids", "/status needs a key for all symbols")
        found = await self._store.feed_reports.read()
        now = self._clock()
        away = [each.error for each in found.values() if each.error and each.error not in _OF_A_KEY]
        answer = StatusAnswer(
            replica=self._replica(now),
            redis=RedisStatus(
                "away" if away else "ok", away[0].value if away else None, self._store.node_count
            ),
            feeds=[feed_status(venue, reports, now) for venue, reports in found.items()],
        )
        return Response(
            encode_json(answer),
            headers={"Cache-Control": "no-cache"},
            media_type="application/json",
        )

    def _replica(self, now: float) -> ReplicaStatus:
        return ReplicaStatus(
            name=self._name,
            version=__version__,
            uptime_s=int(now - self._started_at),
            is_draining=self._streams.is_draining,
            streams=self._streams.count,
        )


def feed_status(venue: str, found: VenueReports, now: float) -> FeedStatus:
    """Return the collectors of a venue, with the ages of their reports at `now`."""
    return FeedStatus(
        venue=venue,
        reason=found.error.value if found.error else None,
        malformed=found.malformed,
        collectors=[_collector(each, now) for each in found.reports],
    )


def _collector(aged: AgedReport, now: float) -> ReportedCollector:
    age, report = max(0.0, now - aged.changed_at), aged.report
    return ReportedCollector(
        shard=aged.shard,
        status="silent" if age > SILENT_AFTER else "reporting",
        age_ms=round(age * 1000),
        version=report.version,
        contract=report.contract,
        leader=report.leader,
        epoch=report.epoch,
        redis_status=report.redis.status,
        books=report.symbols,
        mismatches=sum(report.mismatches.values()),
        resyncs=sum(report.resyncs.values()),
        connections=report.connections,
    )
