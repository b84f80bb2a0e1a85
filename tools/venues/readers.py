"""The readers of a run: one of each venue, and one of everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Self

from kraken_book.symbols import venue_of
from lab.sse.account import Tally
from lab.sse.client_reader import ClientReader
from lab.sse.record import Record


class VenueReaders:
    """Reads all books twice: by a reader of their venue, and by one of `*`.

    Args:
        url: The address of the apis.
        symbols: The symbols by venue.

    """

    def __init__(self, url: str, symbols: Mapping[str, Sequence[str]]) -> None:
        self._symbols = symbols
        self._undo = ExitStack()
        self._of_venues = {venue: ClientReader(url, *each) for venue, each in symbols.items()}
        self._of_all = ClientReader(url, "*")

    def __enter__(self) -> Self:
        with ExitStack() as started:
            for reader in self._readers:
                started.enter_context(reader)
            for venue, symbols in self._symbols.items():
                for symbol in symbols:
                    self._of_venues[venue].wait_until_live(symbol)
                    self._of_all.wait_until_live(symbol)
            self._undo = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def check(self) -> None:
        """Fail with AssertionError if a reader has found a fault."""
        for reader in self._readers:
            reader.check()

    def records(self, symbol: str) -> list[Record]:
        """Return the records of both readers of a book."""
        return [self._of_venues[venue_of(symbol)].of(symbol), self._of_all.of(symbol)]

    def records_of(self, venue: str) -> list[Record]:
        """Return the records of all books of a venue."""
        return [record for symbol in self._symbols[venue] for record in self.records(symbol)]

    def tally(self, venue: str) -> Tally:
        """Return what the readers of a venue got."""
        return sum((record.account.tally for record in self.records_of(venue)), Tally())

    def error_of(self, venue: str) -> str | None:
        """Return what a venue's reader found to be wrong; None if nothing."""
        return self._of_venues[venue].error

    @property
    def error_of_all(self) -> str | None:
        """What the reader of everything found to be wrong; None if nothing."""
        return self._of_all.error

    @property
    def _readers(self) -> Iterable[ClientReader]:
        return (*self._of_venues.values(), self._of_all)
