"""What a subscriber at a depth must see of a frame: Kraken's rules, decided at the frame's end.

A window is the best `depth` levels of a side. Kraken sends no delete for a level that better ones
push out, because the client truncates; it sends a level that enters because a better one went,
because the client cannot know it. After applying all levels and truncating, the client holds the
window exactly.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right

from simulator.side import Level, Side

DEPTHS = (10, 25, 100, 500, 1000)


def rank(side: Side) -> int:
    """The place of the best change of the side's frame; it shows at every depth above that.

    Only what is better than all changes counts, and that was there before as it is after. Where
    nothing changed the place is beyond all depths.
    """
    if not side.touched:
        return sys.maxsize
    return bisect_left(side.keys, min(side.touched)[0])


def visible(side: Side, before: int | None, depth: int) -> list[Level]:
    """The levels of the side's frame that a window shows, as (price, lots).

    `before` is `side.worst(depth)` from before the frame.
    """
    if not side.touched:
        return []
    after = side.worst(depth)
    sign = side.sign
    held = side.lots
    levels = []
    for key, lots in side.touched:
        # A level that stands must lie in the new window; one that is gone, in the old.
        edge = after if key in held else before
        if edge is None or key <= edge:
            levels.append((key * sign, lots))
    if before is not None:
        levels += _entrants(side, before, depth)
    return levels


def _entrants(side: Side, before: int, depth: int) -> list[Level]:
    """Untouched levels that the client never saw: worse than its window, which was full."""
    first = bisect_right(side.keys, before)
    if first >= depth:
        return []
    touched = {key for key, _ in side.touched}
    return [
        (key * side.sign, side.lots[key]) for key in side.keys[first:depth] if key not in touched
    ]
