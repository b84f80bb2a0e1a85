"""The pairs that a venue lists, which all its connections share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from collector.feed.venue import InstrumentsListener
from collector.venues.sequenced.protocol import VenuePair
from collector.venues.sequenced.rest import RestClient, RestFailed
from kraken_book.backoff import Backoff
from kraken_book.symbols import is_symbol
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

# Pairs are listed and their steps change some times a day.
INTERVAL = 600.0
# A fault of a book may ask for the list at most once in this time.
MIN_INTERVAL = 10.0


class VenueListing:
    """The venue's pairs, by symbol.

    Args:
        venue: The venue's name.
        rest: Makes the requests.
        path: The path of the list.
        weight: What the request costs of the venue's weight limit.
        decode: Returns the pairs in an answer; a ValueError is raised if they are none.

    Attributes:
        version: A number that rises with each list.
    """

    def __init__(
        self,
        venue: str,
        rest: RestClient,
        path: str,
        weight: int,
        decode: Callable[[bytes], Sequence[VenuePair]],
    ) -> None:
        self.version = 0
        self._rest = rest
        self._path = path
        self._weight = weight
        self._decode = decode
        self._pairs: dict[str, VenuePair] = {}
        self._is_wanted = asyncio.Event()
        self._backoff = Backoff(1.0, 60.0)
        self._log = LimitedLog(get_logger(f"collector.{venue}"))

    @property
    def is_loaded(self) -> bool:
        """Whether the venue has sent its list."""
        return self.version > 0

    def find(self, symbol: str) -> VenuePair | None:
        """Return the pair of a symbol; None if it is not listed, or no list has come."""
        return self._pairs.get(symbol)

    def refresh(self) -> None:
        """Ask for the list soon, because a pair may have changed."""
        self._is_wanted.set()

    async def run(self, on_instruments: InstrumentsListener) -> None:
        """Ask for the list again and again until the task is cancelled.

        Args:
            on_instruments: Called with each list.
        """
        while True:
            if await self._load(on_instruments):
                self._backoff.reset()
                await asyncio.sleep(MIN_INTERVAL)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL - MIN_INTERVAL):
                        await self._is_wanted.wait()
            else:
                await asyncio.sleep(self._backoff.next())

    async def _load(self, on_instruments: InstrumentsListener) -> bool:
        self._is_wanted.clear()
        try:
            pairs = self._decode(await self._rest.get(self._path, self._weight))
        except (RestFailed, ValueError, RecursionError) as error:
            self._log.warning("list of pairs not received", path=self._path, error=str(error))
            return False
        if not pairs:
            self._log.warning("list of pairs is empty", path=self._path)
            return False
        # A symbol of another form has no place in keys and paths.
        known = {pair.symbol: pair for pair in pairs if is_symbol(pair.symbol)}
        listed = [pair for pair in known.values() if pair.refusal is None]
        if not on_instruments(listed, True):
            return False
        self._pairs = known
        self.version += 1
        return True
