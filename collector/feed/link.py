"""The connection that serves a book, as far as the book's readers need to know it."""

from __future__ import annotations

from collector.feed.timestamp import Timestamp


class Link:
    """What the last read of one connection told; its connection keeps it up to date.

    Attributes:
        last_frame_at: When the newest frame was read, whatever its symbol; None while the
            connection is down. A frame confirms every live book of its connection, because frames
            keep their order.
        is_behind: Whether more comes than can be processed, so that the venue had to wait.
    """

    __slots__ = ("is_behind", "last_frame_at")

    def __init__(self) -> None:
        self.last_frame_at: Timestamp | None = None
        self.is_behind = False
