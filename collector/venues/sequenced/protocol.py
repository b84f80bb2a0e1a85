"""What differs between the venues whose books are proved by a sequence: data, and a small class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import msgspec

from kraken_book.precision import Precision

Pairs: TypeAlias = "tuple[str, ...]"
"""Names of pairs as the venue writes them, such as `BTC-USD` or `tBTCUSD`."""
TextLevels: TypeAlias = "Sequence[tuple[str, str]]"
"""Prices and quantities as the venue writes them; a quantity of zero removes the price."""


class MessageError(Exception):
    """A message that cannot be decoded, although the sequence is still known.

    Attributes:
        pairs: The pairs whose books it may have changed.
    """

    def __init__(self, message: str, pairs: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.pairs = tuple(pairs)


class BookMessage(msgspec.Struct, frozen=True, gc=False):
    """A snapshot or a change of one book.

    Attributes:
        pair: The venue's name of the pair.
        bids: The levels of one side, in order.
        asks: The levels of the other.
        time: The venue's time in RFC 3339, if it has one.
        is_snapshot: Whether it replaces the book.
        first: Number of the first change in it, if the venue numbers the changes of each pair.
        last: Number of the last. That of a snapshot is the one that its first change continues.
    """

    pair: str
    bids: TextLevels
    asks: TextLevels
    time: str | None
    is_snapshot: bool = False
    first: int = 0
    last: int = 0


class Granted(NamedTuple):
    """The venue has subscribed the connection to these pairs."""

    pairs: Pairs


class Ended(NamedTuple):
    """The venue has ended these subscriptions."""

    pairs: Pairs


class RequestRefused(NamedTuple):
    """The venue has refused a request; if `pairs` is empty, it is not known which."""

    pairs: Pairs
    error: str
    is_rate_limited: bool = False


class BookDoubted(NamedTuple):
    """The protocol itself has found that a book is not the venue's, such as by a checksum."""

    pair: str
    reason: str
    error: str


class SystemStatus(NamedTuple):
    """The venue's word for the status of its engine."""

    system: str


class UnknownMessage(NamedTuple):
    """A message of another kind; venues add some over time."""

    kind: str


Message: TypeAlias = (
    "BookMessage | Granted | Ended | RequestRefused | BookDoubted | SystemStatus | UnknownMessage"
)


class SequencedProtocol(Protocol):
    """The messages of one connection, without I/O and without a clock.

    It follows the sequence of its connection, if the venue numbers the messages of a connection.
    """

    def open(self) -> Sequence[str]:
        """Return the requests with which a connection begins."""

    def ping(self) -> str | None:
        """Return a request that the venue answers at once; None if it sends enough by itself."""

    def subscribe(self, pairs: Sequence[str]) -> str:
        """Return the request for these books."""

    def unsubscribe(self, pairs: Sequence[str]) -> str:
        """Return the request that ends these subscriptions."""

    def decode(self, data: bytes) -> Sequence[Message]:
        """Return what a frame says, in order; nothing for a mere sign of life.

        Raises:
            MessageError: It cannot be decoded, and only these pairs may be harmed.
            SequenceGap: Messages of the connection were lost.
            VenueRestarts: The connection must be opened again.
        """


class VenuePair(msgspec.Struct, frozen=True):
    """A pair of the venue's list; an implementation of `collector.feed.venue.Instrument`.

    Attributes:
        symbol: The symbol of its book within the venue, such as `BTC/USDT`.
        name: The venue's name of it, such as `BTCUSDT`.
        precision: Decimals of prices and quantities; None if they are missing or invalid.
        status: The venue's word for the status of the pair.
        is_traded: Whether the pair has a book, or may have one again soon.
        refusal: Why the pair has no book of its own; None if it may have one.
    """

    symbol: str
    name: str
    precision: Precision | None
    status: str | None
    is_traded: bool
    refusal: str | None = None


class RestSnapshot(NamedTuple):
    """A book that the venue gives by REST, as of the change `last`.

    Attributes:
        last: Number of the last change in it.
        bids: The levels of one side.
        asks: The levels of the other.
        limit: The most levels of a side that it can have.
    """

    last: int
    bids: TextLevels
    asks: TextLevels
    limit: int


class SnapshotByRest(NamedTuple):
    """How a venue gives the book that its stream continues.

    Attributes:
        path: Returns the path of the request for a pair.
        weight: What the request costs of the venue's weight limit.
        decode: Returns the snapshot in an answer; a ValueError is raised if it is none.
    """

    path: Callable[[str], str]
    weight: int
    decode: Callable[[bytes], RestSnapshot]


class BookByRest(NamedTuple):
    """How a venue gives its present book by REST, to compare with.

    Attributes:
        path: Returns the path of the request for a pair.
        decode: Returns the bids and the asks in an answer, best first; a ValueError is raised if it
            has none.
    """

    path: Callable[[str], str]
    decode: Callable[[bytes], tuple[TextLevels, TextLevels]]


def listed_precision(pair: VenuePair, _snapshot: BookMessage) -> Precision | None:
    """Return the precision that the venue's list has."""
    return pair.precision


class VenueTraits(NamedTuple):
    """What differs between venues, as data.

    Attributes:
        name: The venue's name, the first part of its keys in Redis.
        proof: How its books are proved against the venue.
        make_protocol: Makes the protocol of a new connection.
        decode_pairs: Returns the pairs in the venue's answer to `pairs_path`; a ValueError is
            raised if they are none.
        pairs_path: Path of the venue's list of pairs.
        weight_per_minute: The most weight of REST requests in a minute.
        max_together: The most pairs of one request.
        requests_per_second: The most requests of one connection in a second.
        connects: The most connection attempts of all connections, in so many seconds.
        pairs_weight: What a request for the list of pairs costs of the weight limit.
        snapshot: How the venue gives snapshots by REST; None if they come in the stream.
        book: How the venue gives its present book by REST, to compare with; None if it does not.
        precision_of: Returns the precision of a book from its pair and its snapshot in the stream;
            by default that of the list.
        silence: Seconds without a frame after which a connection is silent.
    """

    name: str
    proof: str
    make_protocol: Callable[[], SequencedProtocol]
    decode_pairs: Callable[[bytes], Sequence[VenuePair]]
    pairs_path: str
    weight_per_minute: int
    max_together: int
    requests_per_second: int
    connects: tuple[int, float]
    pairs_weight: int = 1
    snapshot: SnapshotByRest | None = None
    book: BookByRest | None = None
    precision_of: Callable[[VenuePair, BookMessage], Precision | None] = listed_precision
    silence: float = 10.0
