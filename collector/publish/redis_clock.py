"""Redis's clock, as far as a client can know it.

Ages are measured by Redis's clock alone, so that collectors and readers on many machines agree. A
frame is read here, by our steady clock; every answer of Redis says what its own clock showed.
"""

from __future__ import annotations

from time import monotonic_ns

from collector.feed.timestamp import Timestamp
from kraken_book.timestamps import rfc3339


class RedisClock:
    """Converts our steady time to Redis's clock, never to a later time.

    The offset is taken when an answer arrives. Redis read its clock before that, so a converted
    time is too old by at most a round trip.
    """

    def __init__(self) -> None:
        self._offset: int | None = None

    def answered(self, redis_time: int) -> None:
        """Note that Redis's clock showed `redis_time`, in microseconds, before this moment."""
        self._offset = redis_time * 1000 - monotonic_ns()

    def forget(self) -> None:
        """Forget the offset: the server that answers next may have another clock."""
        self._offset = None

    @property
    def known(self) -> bool:
        """Whether Redis has answered since it was last forgotten."""
        return self._offset is not None

    def text(self, moment: Timestamp) -> str:
        """Return `moment` by Redis's clock, as RFC 3339."""
        assert self._offset is not None, "Redis has not told its time yet"
        return rfc3339(moment.steady + self._offset)
