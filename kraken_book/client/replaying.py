"""`replay`: the books of a recording, like those of `watch`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from kraken_book.extras import require_extra

if TYPE_CHECKING:
    from kraken_book.recording.replay import RecordedBooks

__all__ = ["replay"]


def replay(
    path: str | PathLike[str],
    *symbols: str | Iterable[str],
    speed: float | None = None,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    loop: bool = False,
) -> RecordedBooks:
    """Return an iterable over the books of a recording as they changed.

        for book in replay("rec", "BTC/USD"):
            print(book.best_bid, book.best_ask)

    It yields the same objects as `watch`, each verified again by its checksum, in the order of
    their recording; `async for` works too, and each iteration begins anew. It needs the extra
    `recording`, or else raises MissingExtra. A file that is missing or damaged raises
    DamagedRecording. Other invalid arguments raise TypeError, or Unusable, a ValueError.

    Args:
        path: The folder of the recording, or one of its files.
        symbols: As for `watch`, also wildcards such as `BTC/*`; all if there is none.
        speed: The factor of the recorded pace; None is as fast as the books are read.
        start: The time of the first change: a datetime with a time zone, or RFC 3339. Each book is
            as it was then.
        end: The time before which the last change was recorded.
        loop: Whether to begin again at the end, without end. As with `kraken-book replay --loop`,
            epochs and seqs are then raised above those of the pass before, so they only rise.
    """
    require_extra("replay", "recording")
    # pyarrow is large, and few programs read recordings.
    from kraken_book.recording.replay import open_replay  # noqa: PLC0415

    return open_replay(Path(path), symbols, speed, start, end, loop=loop)
