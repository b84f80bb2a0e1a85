"""State of connections, for readers of the books that they carry."""

from __future__ import annotations

from collector.feed.timestamp import Timestamp


class Link:
    """State of one connection, which the connection keeps up to date.

    Attributes:
        last_frame_at: Time at which the newest frame of any symbol was read; None while the
            connection is down. A frame confirms every live book of its connection, because frames
            keep their order.
        is_behind: Whether frames arrive faster than they are processed.
    """

    __slots__ = ("is_behind", "last_frame_at")

    def __init__(self) -> None:
        self.last_frame_at: Timestamp | None = None
        self.is_behind = False


class FeedLoad:
    """Load of the feed, from the links of all its connections."""

    def __init__(self) -> None:
        self._links: list[Link] = []

    def add(self, link: Link) -> None:
        """Include this link."""
        self._links.append(link)

    @property
    def is_behind(self) -> bool:
        """Whether frames arrive faster than they are processed, on any link."""
        return any(link.is_behind for link in self._links)
