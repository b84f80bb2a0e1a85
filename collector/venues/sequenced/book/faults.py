"""Why a book must be replaced by a snapshot, besides the errors of the library's book."""

from __future__ import annotations


class BookFault(Exception):
    """The book may not be the venue's.

    Attributes:
        reason: One word of a bounded set, the `reason` of the book's status.
    """

    reason = "frame"


class WindowUnknown(BookFault):
    """So many levels have gone that the venue's snapshot does not fill the window any more."""

    reason = "window"


class ChangesLost(BookFault):
    """Changes of a pair are missing."""

    reason = "sequence"


class NotJoined(BookFault):
    """No snapshot came with which the stream can be joined."""

    reason = "unanswered"


class TooManyDecimals(BookFault):
    """A number does not fit into the precision of the book, so its tick has changed."""

    reason = "precision"


class ChangeTooEarly(BookFault):
    """A change came before the snapshot that it belongs to."""

    reason = "early"
