"""The part of a frame that a subscriber at a depth receives, by Kraken's rules.

A window is the best `depth` levels of a side. If a level leaves the window because of better
levels, Kraken does not send its removal: the client truncates. If a level enters the window because
a better one was removed, Kraken sends it: the client cannot know it. A client that applies all
levels and then truncates holds exactly the window.
"""

from __future__ import annotations

import sys

from simulator.market.instrument import Level
from simulator.market.side import MarketSide


def best_changed_rank(side: MarketSide) -> int:
    """Return the rank of the frame's best change, which is in the window of every greater depth.

    The rank is the number of levels that are better than all changes. It is the same before and
    after the frame. If nothing changed, it is greater than all depths.
    """
    if not side.touched:
        return sys.maxsize
    return side.lots.bisect_left(min(side.touched)[0])


def visible(side: MarketSide, before: int | None, depth: int) -> list[Level]:
    """Return the changes of a frame that are visible in a window, as (price, lots).

    Args:
        side: The side after the frame.
        before: The value of `side.worst(depth)` before the frame.
        depth: The depth of the window.

    """
    if not side.touched:
        return []
    after = side.worst(depth)
    sign = side.sign
    held = side.lots
    levels = []
    for key, lots in side.touched:
        # An existing level must be in the new window, a removed one in the old window.
        edge = after if key in held else before
        if edge is None or key <= edge:
            levels.append((key * sign, lots))
    if before is not None:
        levels += _entrants(side, before, depth)
    return levels


def _entrants(side: MarketSide, before: int, depth: int) -> list[Level]:
    """Return the unchanged levels that have entered the window with this frame."""
    first = side.lots.bisect_right(before)
    if first >= depth:
        return []
    touched = {key for key, _ in side.touched}
    return [
        (key * side.sign, side.lots[key]) for key in side.keys[first:depth] if key not in touched
    ]
