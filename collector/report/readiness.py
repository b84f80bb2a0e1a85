"""Tells whether a collector could lead now. A rolling upgrade waits for it."""

from __future__ import annotations

from typing import Literal

from collector.feed.feed import Feed
from collector.lead.lease import Lease, LeaseState

Unready = Literal["starting", "no-live-book", "no-lease", "newer-contract"]


class LeadReadiness:
    """Tells whether a collector could lead.

    It is `starting` until each symbol has had a live book or was refused. After that, one book in
    doubt, or a symbol that is listed later, does not make it unready.

    Args:
        feed: The books.
        lease: The lease, which this collector need not hold.
    """

    def __init__(self, feed: Feed, lease: Lease) -> None:
        self._feed = feed
        self._lease = lease
        self._has_started = False

    def unready_reason(self) -> Unready | None:
        """Return why the collector could not lead now; None if it could."""
        books = self._feed.books.values()
        if self._lease.state is LeaseState.OUTDATED:
            return "newer-contract"
        if self._lease.is_refused:
            return "no-lease"
        if not self._has_started:
            knows_all = self._feed.knows_what_it_follows
            self._has_started = knows_all and all(book.is_answered for book in books)
        if not self._has_started:
            return "starting"
        statuses = {book.status for book in books}
        return None if "live" in statuses or statuses <= {"refused"} else "no-live-book"
