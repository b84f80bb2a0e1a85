"""What a connection needs of a session: the protocol of a venue, without I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from collector.feed.books import SymbolBook
from collector.feed.lag import FeedLag
from collector.feed.timestamp import Timestamp


class SessionFailed(Exception):
    """The connection must be opened again.

    Attributes:
        reason: One word of a bounded set, for metrics and for the books of the connection.
    """

    reason = "failed"


class SequenceGap(SessionFailed):
    """Messages of the connection were lost, and nobody knows of which symbol."""

    reason = "sequence"


class VenueRestarts(SessionFailed):
    """The venue says that it will end this connection, or that its data begins anew."""

    reason = "restart"


class RequestsUnanswered(SessionFailed):
    """The venue has not answered a request, however often it was sent."""

    reason = "unanswered"


class VenueSession(Protocol):
    """The session of one websocket. Times are steady seconds, passed by the caller.

    Attributes:
        lag: The age of frames when they are read.
        system: The venue's word for the status of its engine.
        is_compiled: Whether `take_plain` can process frames.
    """

    lag: FeedLag
    system: str
    is_compiled: bool

    @property
    def is_complete(self) -> bool:
        """Whether every book is live or refused."""

    @property
    def has_verified(self) -> bool:
        """Whether a snapshot has been verified since the session began."""

    def open(self, now: float) -> None:
        """Start the session on a new connection."""

    def close(self, reason: str) -> None:
        """End the session, and drop every book for `reason`, because the connection has ended."""

    def add(self, book: SymbolBook) -> None:
        """Add a book, and subscribe to it."""

    def remove(self, symbol: str) -> None:
        """Unsubscribe from a book and remove it."""

    def tick(self, now: float) -> None:
        """Do what is due; call this about once a second.

        A SessionFailed is raised if the connection must be opened again.
        """

    def next_request(self, now: float) -> str | None:
        """Return the request to send now; None if no request waits or the rate is too high."""

    def take_plain(self, messages: list[bytes], first: int, read_at: Timestamp) -> int:
        """Process plain updates in one step; return the index of the first that is left."""

    def begin(self, data: bytes, read_at: Timestamp) -> Iterator[None] | None:
        """Process one frame, or the beginning of a large one.

        A SessionFailed or FeedLagging is raised if the connection must be opened again.

        Args:
            data: The frame.
            read_at: Time at which the frame was read from the socket.

        Returns:
            The rest of the work in short steps, if the frame is large.
        """
