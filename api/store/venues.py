"""The venues that have books in Redis: Kraken, and those in the set `kraken-book:venues`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from redis.exceptions import RedisError

from api.store.corrupt_keys import CorruptKeys
from kraken_book.contract.keys import MAX_VENUES, VENUES
from kraken_book.symbols import KRAKEN, is_venue
from runtime.logs import get_logger
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import Nodes

log = get_logger(__name__)


class Venues:
    """The known venues, Kraken first, then the others by name.

    An older collector of Kraken does not write the set, so Kraken is known without it. While the
    set cannot be read, the venues of the last read are known.

    Args:
        nodes: The nodes of Redis.
        corrupt: The record of corrupt keys.
    """

    def __init__(self, nodes: Nodes, corrupt: CorruptKeys) -> None:
        self._nodes = nodes
        self._corrupt = corrupt
        # The trouble and the surplus that were logged last.
        self._logged: object = None
        # The venues whose lists this user of Redis may not read.
        self._refused: set[str] = set()
        self.known: tuple[str, ...] = (KRAKEN,)
        """The venues, at most MAX_VENUES."""

    async def read(self) -> None:
        """Read the set; keep the known venues if that fails."""
        try:
            reply: Iterable[bytes] = await self._nodes.call(VENUES, "SMEMBERS", VENUES)
        except (RedisError, OSError) as error:
            trouble = describe(error)
            if trouble.reason is Reason.WRONG_TYPE:
                self._corrupt.record(VENUES, str(error), "DEL", VENUES)
            elif trouble.reason is Reason.NO_PERMISSION and self._logged != trouble.summary:
                # Other errors, such as outages, also prevent the read of the lists.
                self._logged = trouble.summary
                log.warning("venues not readable", error=trouble.text, advice=trouble.advice)
            return
        self._corrupt.clear(VENUES)
        names = {name.decode(errors="replace") for name in reply}
        others = sorted(name for name in names if is_venue(name) and name != KRAKEN)
        self.known = (KRAKEN, *others[: MAX_VENUES - 1])
        left_out = others[MAX_VENUES - 1 :]
        if left_out and self._logged != left_out:
            self._logged = left_out
            log.warning("too many venues, some left out", most=MAX_VENUES, left_out=left_out)

    def note_refused(self, refused: Mapping[str, BaseException]) -> None:
        """Log once which venues this user of Redis may not read."""
        for venue in sorted(refused.keys() - self._refused):
            trouble = describe(refused[venue])
            log.warning(
                "venue not readable, left out",
                venue=venue,
                error=trouble.text,
                advice=f"give this user the keys of {venue}, as those of kraken:"
                " the same patterns with its name",
            )
        self._refused = set(refused)
