"""All levels of one side that a venue sends, and the difference that its changes make in a window.

Readers of an event apply its levels, and keep the best `depth`. A venue without a window deletes
levels, and thereby uncovers others, which none of its messages names. So all its levels are kept
here, and `apply` returns what readers must be told: the levels that were set, that have gone, and
that entered the window. Levels that others push out of the window are dropped by each reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from sortedcontainers import SortedDict

from collector.venues.sequenced.book.faults import WindowUnknown
from kraken_book.level import Level, level_of
from kraken_book.precision import Precision, to_text

# The largest books that were seen had 23,000 levels of a side.
MAX_LEVELS = 200_000

Change = tuple[int, str]
"""A price in ticks, and the quantity at the book's precision; an empty text removes the price."""


class DeepSide:
    """The levels of one side.

    Args:
        direction: 1 if the lowest price is best (asks), -1 if the highest price is best (bids).
        depth: The most levels of the window.
        precision: The decimals of prices and quantities.
    """

    def __init__(self, direction: int, depth: int, precision: Precision) -> None:
        self._direction = direction
        self._depth = depth
        self._price_decimals = precision.price
        self._zero = to_text(0, precision.qty)
        # By key, which is the ticks times the direction: the best level has the smallest.
        self._levels: SortedDict[int, str] = SortedDict()
        # The key of the window's last level; None if the window is not full.
        self._worst: int | None = None
        # The last key up to which every level is known; None if all are.
        self._edge: int | None = None

    def __len__(self) -> int:
        return len(self._levels)

    def replace(self, levels: Iterable[Change], *, is_whole: bool = True) -> None:
        """Replace all levels with those of a snapshot.

        Args:
            levels: The levels, each with a quantity.
            is_whole: Whether the venue has no further levels.
        """
        direction = self._direction
        self._levels = SortedDict({ticks * direction: qty for ticks, qty in levels if qty})
        self._edge = None
        if self._levels and not is_whole:
            self._edge = self._levels.peekitem(-1)[0]
        self._worst = self._last_of_window()

    def apply(self, changes: Iterable[Change]) -> list[Level]:
        """Apply the changes of one message.

        A WindowUnknown is raised if the window has levels that the snapshot did not cover.

        Args:
            changes: The changes, in order; a removal of an unknown price changes nothing.

        Returns:
            The levels with which a reader of the window has the window after these changes.
        """
        levels, direction = self._levels, self._direction
        before: dict[int, str] = {}
        for ticks, qty in changes:
            key = ticks * direction
            old = levels.get(key, "")
            if qty == old:
                continue
            before.setdefault(key, old)
            if qty:
                levels[key] = qty
            else:
                del levels[key]
        if not before:
            return []
        if len(levels) > MAX_LEVELS:
            self._cut()
        worst, self._worst = self._worst, self._last_of_window()
        return list(self._difference(before, worst, self._worst))

    def window(self) -> list[Level]:
        """Return the best levels, best first, at most `depth`."""
        return [self._level(key, qty) for key, qty in islice(self._levels.items(), self._depth)]

    def has_known(self, count: int) -> bool:
        """Return whether the best `count` levels are known, or all that the venue has."""
        return self._edge is None or self._levels.bisect_right(self._edge) >= count

    def _difference(
        self, before: dict[int, str], worst: int | None, new_worst: int | None
    ) -> Iterator[Level]:
        """Yield the levels that differ between two windows, which end at `worst`, `new_worst`."""
        levels = self._levels
        for key, old in before.items():
            new = levels.get(key, "")
            was_shown = old and (worst is None or key <= worst)
            is_shown = new and (new_worst is None or key <= new_worst)
            if is_shown and not (was_shown and new == old):
                yield self._level(key, new)
            elif was_shown and not new:
                yield self._level(key, self._zero)
        if worst is not None and (new_worst is None or new_worst > worst):
            for key in levels.irange(worst, new_worst, inclusive=(False, True)):
                if key not in before:
                    yield self._level(key, levels[key])

    def _last_of_window(self) -> int | None:
        levels, depth, edge = self._levels, self._depth, self._edge
        worst = levels.keys()[depth - 1] if len(levels) >= depth else None
        if edge is not None and (worst is None or worst > edge):
            raise WindowUnknown(f"the snapshot covers fewer than {depth} levels now")
        return worst

    def _cut(self) -> None:
        """Remove a tenth of the levels, the farthest, to bound the memory."""
        levels = self._levels
        for _ in range(MAX_LEVELS // 10):
            levels.popitem(-1)
        last = levels.peekitem(-1)[0]
        self._edge = last if self._edge is None else min(last, self._edge)

    def _level(self, key: int, qty: str) -> Level:
        price = to_text(key * self._direction, self._price_decimals)
        return level_of(price, qty)
