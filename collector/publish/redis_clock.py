"""Redis's clock, as far as a client can know it.

Ages are measured by Redis's clock, so that collectors and readers on many machines agree. Frames
are timed by our steady clock. Every answer of the write script has the time of Redis's clock.
"""

from __future__ import annotations

from time import monotonic_ns

from collector.feed.timestamp import Timestamp
from kraken_book.timestamps import rfc3339


class RedisClock:
    """Converts our steady time to Redis's clock, never to a later time.

    The offset is computed when an answer arrives. Redis read its clock before that, so a converted
    time is too old, by at most a round trip.
    """

    def __init__(self) -> None:
        self._offset: int | None = None

    def answered(self, redis_time: int) -> None:
        """Compute the offset, from `redis_time` in microseconds of an answer that just arrived."""
        self._offset = redis_time * 1000 - monotonic_ns()

    def forget(self) -> None:
        """Drop the offset, because another server with another clock may answer next."""
        self._offset = None

    @property
    def is_known(self) -> bool:
        """Whether Redis has answered since the last `forget`."""
        return self._offset is not None

    def text(self, moment: Timestamp) -> str:
        """Return `moment` by Redis's clock, as RFC 3339."""
        assert self._offset is not None, "no answer of Redis yet"
        return rfc3339(moment.steady + self._offset)
