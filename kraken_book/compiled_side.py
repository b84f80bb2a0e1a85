"""The compiled levels of one side of a book; the pure ones are `kraken_book.book.Side`."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_book import _speedups
from kraken_book.level import Level, level_of

__all__ = ["CompiledSide"]


class CompiledSide(_speedups.Side):
    """The levels of one side, best first, with the interface of `kraken_book.book.Side`.

    `apply` raises OverflowError, with nothing changed, if a number has more than 18 digits.
    """

    __slots__ = ()

    def __iter__(self) -> Iterator[Level]:
        return (level_of(*pair) for pair in self.pairs())

    @property
    def best(self) -> Level | None:
        """The best level, None if the side is empty."""
        pair = self.best_pair()
        return level_of(*pair) if pair is not None else None
