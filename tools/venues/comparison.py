"""Compare the books of everybody with the simulators', and count updates, while markets stand."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from lab.waiting import wait_until
from tools.comparison import SILENCE_SECONDS
from tools.soak.audit import updates_in
from tools.venues.audit import VenueAccount
from tools.venues.readers import VenueReaders
from tools.venues.system import CountedUpdates, VenueSide, VenuesUnderTest

EVENTS_TIMEOUT = 10.0
EVENTS_PAUSE = 0.2


class BookComparison:
    """Compares books in Redis, in the apis and at the readers with those of the simulators.

    Args:
        system: The processes.
        readers: The readers of the books.
        accounts: The accounts of the venues, for the counts of updates.
        compared: The number of compared books by venue, which grows.

    """

    def __init__(
        self,
        system: VenuesUnderTest,
        readers: VenueReaders,
        accounts: Mapping[str, VenueAccount],
        compared: Counter[str],
    ) -> None:
        self._system = system
        self._readers = readers
        self._accounts = accounts
        self._compared = compared

    def compare(self, chosen: Sequence[tuple[VenueSide, Sequence[str]]]) -> list[str]:
        """Stop the markets of these pairs, and compare their books with the simulator's.

        Args:
            chosen: The venues with the pairs.

        Returns:
            A line for each wrong book.

        """
        for side, pairs in chosen:
            for pair in pairs:
                side.simulator.fault(f"silence?symbol={pair}&seconds={SILENCE_SECONDS}")
        wrong = []
        for side, pairs in chosen:
            for pair in pairs:
                market = side.simulator.book(pair)
                symbol = side.symbols[side.pairs.index(pair)]
                self._compared[side.name] += 1
                try:
                    wait_until(
                        partial(self._is_everywhere, symbol, market),
                        f"everybody has the simulator's book of {symbol}",
                    )
                except AssertionError as error:
                    others = ", ".join(self._different(symbol, market))
                    wrong.append(f"{error}; different: {others}; the simulator has {market}")
        for side, pairs in chosen:
            if len(pairs) == len(side.pairs):
                self._count_updates(side)
            side.simulator.lift_faults()
        return wrong

    def _is_everywhere(self, symbol: str, market: dict[str, Any]) -> bool:
        return not any(self._different(symbol, market))

    def _different(self, symbol: str, market: dict[str, Any]) -> Iterator[str]:
        """Generate the names of those that do not have the simulator's book.

        Args:
            symbol: The symbol.
            market: The simulator's book.

        Yields:
            The name of Redis, of an api, or of a reader.

        """
        right = [_numbers(market[side]) for side in ("bids", "asks")]
        stored = self._system.streams.book(symbol)
        sides = [_numbers(json.loads(stored[side])) for side in ("bids", "asks")]
        if stored["status"] != "live" or sides != right:
            yield f"Redis ({stored['status']})"
        for api in self._system.apis:
            book = api.get(f"/depth/{symbol}").json()
            if [_numbers(book.get(side, ())) for side in ("bids", "asks")] != right:
                yield f"api ({book['status']})"
        for record in self._readers.records(symbol):
            checksum = record.account.ladder.checksum
            if not record.is_live or str(checksum) != stored["checksum"]:
                yield f"reader ({record.words[-1].text}, seq {record.account.ladder.seq})"

    def _count_updates(self, side: VenueSide) -> None:
        """Compare the updates since the last count with the streams."""
        account, streams = self._accounts[side.name], self._system.streams
        before = side.counted or CountedUpdates(0, {})
        deadline = time.monotonic() + EVENTS_TIMEOUT
        while True:
            published = side.published() - before.published
            found = sum(
                updates_in(streams.entries(symbol, before.last_ids.get(symbol, "-")))
                for symbol in side.symbols
            )
            # The last frames may still be on their way.
            if side.counted is None or published == found or time.monotonic() > deadline:
                break
            time.sleep(EVENTS_PAUSE)
        if side.counted is not None:
            account.published += published
            account.found += found
        last_ids = {symbol: streams.last_id(symbol) for symbol in side.symbols}
        side.counted = CountedUpdates(before.published + published, last_ids)


def _numbers(levels: Iterable[Any]) -> list[tuple[Decimal, Decimal]]:
    found = []
    for level in levels:
        price, qty = (level["price"], level["qty"]) if isinstance(level, dict) else level
        found.append((Decimal(price), Decimal(qty)))
    return found
