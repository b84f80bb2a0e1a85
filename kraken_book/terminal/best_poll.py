"""Polls `/best/{pair}` for the best prices of one pair over all venues."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import httpx
import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.client.best import BestPrices, VenuePrices, best_path, read_best
from kraken_book.errors import KrakenBookError
from kraken_book.terminal.polling import PollFailed, fetch_answer, poll_answers

BEST_INTERVAL_SECONDS = 0.5


class PolledBest(NamedTuple):
    """An answer of `/best`."""

    prices: BestPrices
    asked_at: float
    """The time of the request, by the poll's clock."""

    def age(self, book: VenuePrices, now: float) -> float | None:
        """Return the seconds since a venue's book was last confirmed; None if unknown.

        The time since the request is added, so the result is never too small.
        """
        return None if book.age_ms is None else book.age_ms / 1000 + now - self.asked_at

    def without_live(self) -> PolledBest:
        """Return the same books, none of them live, and so without best prices."""
        prices = self.prices
        venues = tuple(
            msgspec.structs.replace(each, status="stale", reason="disconnected")
            if each.status == "live"
            else each
            for each in prices.venues
        )
        unknown = BestPrices(
            pair=prices.pair, bid=None, ask=None, spread=None, is_crossed=False, venues=venues
        )
        return self._replace(prices=unknown)


class BestPoll:
    """Requests the best prices of one pair periodically.

    Args:
        url: The address of the api.
        key: Sent as a Bearer token.
        symbol: A symbol of the pair.
        clock: A monotonic clock in seconds, for ages.
        interval: Seconds between two requests.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        symbol: str,
        clock: Callable[[], float],
        interval: float = BEST_INTERVAL_SECONDS,
    ) -> None:
        self.symbol = symbol
        self.clock = clock
        self._interval = interval
        self._address = ApiAddress(url, key)

    def answers(self) -> AsyncIterator[PolledBest | PollFailed]:
        """Return the results of the requests, without end.

        If the api refuses the request for good, the iterator raises PollRefused.

        Returns:
            For each request the best prices, or its failure.
        """
        return poll_answers(self._address, self._interval, self._request)

    async def _request(self, client: httpx.AsyncClient) -> PolledBest:
        asked_at = self.clock()
        path = best_path(self.symbol)
        answer = await fetch_answer(client, self._address, path, refusals=(401, 403, 404))
        try:
            return PolledBest(read_best(answer, self._address, self.symbol), asked_at)
        except KrakenBookError as error:
            raise PollFailed("the server there is not a kraken-book api") from error
