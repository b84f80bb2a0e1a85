"""The levels of a book frame: from Kraken's JSON to levels at their symbol's precision.

Kraken writes all levels alike, `{"price":63381.0,"qty":0.00005100}`, with all the decimals of the
symbol and no space. One regular expression finds them and proves their form, in half the time of
decoding them and checking each number (`bench.core`). Levels that are written in another way are
decoded, with the same result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import msgspec

from collector.venues.kraken.frames import NO_LEVELS, BookEntry, FrameError
from kraken_book.level import Level, level_of, make_level
from kraken_book.precision import Precision, plain_pattern

# Far above Kraken's largest frames. A longer list would hold up every other book.
MAX_LEVELS = 10_000

# Characters of each level besides its numbers, with the comma or the bracket behind it.
_AROUND_NUMBERS = len('{"price":,"qty":},')


class _Level(msgspec.Struct, gc=False):
    price: msgspec.Raw
    qty: msgspec.Raw


_levels = msgspec.json.Decoder(list[_Level])


def parse_levels(entry: BookEntry, precision: Precision) -> tuple[list[Level], list[Level]]:
    """Return the bids and the asks of one symbol's part of a frame.

    Raises:
        FrameError: They are not lists of levels, or longer than any book.
        LevelError: A level makes no sense at this precision.
    """
    try:
        return _side(entry.bids, precision), _side(entry.asks, precision)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FrameError(str(error), [entry.symbol], is_book=True) from None


def _side(data: msgspec.Raw, precision: Precision) -> list[Level]:
    # One side of most frames is empty.
    if data == NO_LEVELS:
        return []
    text = _text(data)
    if len(text) > MAX_LEVELS and text.count("{") > MAX_LEVELS:
        raise msgspec.DecodeError(f"more than {MAX_LEVELS} levels")
    levels, left = [], len(text) - len("[")
    for price, qty in _finder(precision)(text):
        levels.append(level_of(price, qty))
        left -= len(price) + len(qty) + _AROUND_NUMBERS
    if levels and not left:
        return levels
    # Some levels were not found; if none were, this may not be a list.
    return [
        make_level(_text(level.price), _text(level.qty), precision)
        for level in _levels.decode(data)
    ]


def _text(data: msgspec.Raw) -> str:
    # Latin-1 decodes any byte; the parser refuses texts that are not numbers.
    return str(data, "latin-1")


@cache
def _finder(precision: Precision) -> Callable[[str], list[tuple[str, str]]]:
    price, qty = map(plain_pattern, precision)
    return re.compile(rf'\{{"price":({price}),"qty":({qty})\}}').findall
