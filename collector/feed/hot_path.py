"""The hot path of a frame, in pure Python and compiled: what a book and its queue are made of.

The pure path takes each frame alone. The compiled path has the function `take`, which takes a run
of frames of one connection: it updates and verifies the books of their lanes, and adds the events
to the outboxes. `take` stops at any frame that is not in Kraken's usual form, or whose lane has no
book or whose outbox has no room, and Python takes that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, cast

from kraken_book.book import AnySide, Side
from kraken_book.level import Level
from kraken_book.precision import Precision
from kraken_book.speedups import compiled

# Compiled sides have numbers of at most so many digits, which 64 bits can hold.
MAX_DIGITS = 18


class Outbox(Protocol):
    """The end of a queue of events, to which updates are added.

    Attributes:
        epoch: The epoch of new events; None while the queue is closed and keeps nothing.
        seq: The seq of the newest event.
        room: How many updates `take` may add.
        is_waiting: Whether an event waits in the queue.
        updates: Rendered updates; the last has `seq`, and those before have the seqs before.
    """

    epoch: int | None
    seq: int
    room: int
    is_waiting: bool
    updates: list[bytes]

    @property
    def on_waiting(self) -> Callable[[], None]:
        """To be called when the first update waits, by the caller of `take`."""


class Lane(Protocol):
    """One symbol's way from its frames to the events that wait.

    Attributes:
        read_at: The Timestamp at which the newest frame of the book was read.
        checksum: The checksum that verified the book.
        exchange_time: The venue's time of that frame, in the contract's form, if it had one.
        outbox: Where updates wait; None while nobody publishes the book.
    """

    read_at: Any
    checksum: int
    exchange_time: str | None
    outbox: Outbox | None

    @property
    def symbol(self) -> str:
        """The symbol."""

    def carry(
        self, bids: AnySide, asks: AnySide, depth: int, price_precision: int, qty_precision: int
    ) -> None:
        """Let `take` update a verified book."""

    def drop(self) -> None:
        """Let `take` update no book."""


Take = Callable[
    [dict[bytes, Lane], list[bytes], int, object, str, list[Outbox]],
    tuple[int, tuple[Lane, int] | None],
]
"""`take(lanes, messages, first, read_at, received_at, woken)`, see `HotPath`."""


class HotPath(NamedTuple):
    """The parts of one path, pure or compiled.

    Attributes:
        side: Makes one side of a book, with 1 for asks and -1 for bids.
        lane: Makes a lane of a symbol, its JSON, and the Timestamp before its first frame.
        outbox: Makes an outbox with its `on_waiting`.
        take: Takes a run of frames from `messages[first:]`, and returns the index of the first that
            it did not take. Second it returns None, or, if the last frame taken did not lead to the
            venue's book, its lane and its checksum. Lanes are found by the UTF-8 of their symbol.
            Outboxes in which a first event waits are added to `woken`. None in the pure path.
    """

    side: Callable[[int], AnySide]
    lane: Callable[[str, str, object], Lane]
    outbox: Callable[[Callable[[], None]], Outbox]
    take: Take | None


class _PureOutbox:
    __slots__ = ("epoch", "is_waiting", "on_waiting", "room", "seq", "updates")

    def __init__(self, on_waiting: Callable[[], None]) -> None:
        self.on_waiting = on_waiting
        self.epoch: int | None = None
        self.seq = 0
        self.room = 0
        self.is_waiting = False
        self.updates: list[bytes] = []


class _PureLane:
    __slots__ = ("checksum", "exchange_time", "outbox", "read_at", "symbol")

    def __init__(self, symbol: str, name: str, read_at: object) -> None:  # noqa: ARG002 - only `take` needs the name
        self.symbol = symbol
        self.read_at: Any = read_at
        self.checksum = 0
        self.exchange_time: str | None = None
        self.outbox: Outbox | None = None

    def carry(
        self, bids: AnySide, asks: AnySide, depth: int, price_precision: int, qty_precision: int
    ) -> None:
        """Do nothing, because there is no `take`."""

    def drop(self) -> None:
        """Do nothing, because there is no `take`."""


PURE = HotPath(Side, _PureLane, _PureOutbox, None)


def compiled_path() -> HotPath:
    """Return the compiled path; an ImportError is raised if it is not installed."""
    from kraken_book import _speedups  # noqa: PLC0415 - it is optional
    from kraken_book.compiled_side import CompiledSide  # noqa: PLC0415 - it is optional

    # Compiled lanes accept compiled sides and outboxes alone, which no Protocol can express.
    lane, take = cast("Any", _speedups.Lane), cast("Any", _speedups.take)
    return HotPath(CompiledSide, lane, _speedups.Outbox, take)


def fits(precision: Precision, *sides: Iterable[Level]) -> bool:
    """Return whether a book of this precision with these levels can have compiled sides."""
    # A number has at least one digit before its decimals.
    return max(precision) < MAX_DIGITS and all(
        len(text) - text.count(".") <= MAX_DIGITS
        for levels in sides
        for level in levels
        for text in (level.price, level.qty)
    )


HOT_PATH = compiled_path() if compiled is not None else PURE
"""The path of this process."""
