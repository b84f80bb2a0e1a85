"""What the readers of books need to know of the connections that carry them."""

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


class FeedLoad:
    """Whether more comes from the feed than can be processed, on any of its links."""

    def __init__(self) -> None:
        self._links: list[Link] = []

    def add(self, link: Link) -> None:
        """Count this link in."""
        self._links.append(link)

    @property
    def is_behind(self) -> bool:
        """Whether any link is behind."""
        return any(link.is_behind for link in self._links)
