"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.ladder import (
    BrokenPromiseError,
    Ladder,
    Place,
    ladder_of_dump,
    require,
    units,
)
from lab.ladder import (
    LadderCounts as Counts,
)
from lab.ladder import (
    LadderSide as Side,
)
from lab.sse.follower import Follower, main
from lab.sse.stream import SILENCE_LIMIT, SseStream, StreamRefusedError, stream_path
from lab.sse.stream import SseBlock as Message

__all__ = [
    "SILENCE_LIMIT",
    "BrokenPromiseError",
    "Counts",
    "Follower",
    "Ladder",
    "Message",
    "Place",
    "Side",
    "SseStream",
    "StreamRefusedError",
    "ladder_of_dump",
    "main",
    "require",
    "stream_path",
    "units",
]

if __name__ == "__main__":
    main()
