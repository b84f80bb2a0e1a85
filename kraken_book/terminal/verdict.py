"""Whether a book may be shown as right: the stream and `/books` must both say so."""

from __future__ import annotations

from typing import NamedTuple

from kraken_book.client import LiveBook
from kraken_book.client.live_book import NO_BOOK_YET
from kraken_book.terminal.books_poll import PolledBook
from kraken_book.words import explain


class Verdict(NamedTuple):
    """A book's status, and in a few words why it is not live; None if it is."""

    status: str
    why: str | None


LIVE = Verdict("live", None)


def judge(
    live: LiveBook | None,
    polled: PolledBook | None,
    owed: int | None,
    failure: str | None,
    now: float,
) -> Verdict:
    """Return the verdict on a book.

    Args:
        live: The book as its stream brought it; None before its first event.
        polled: The book as `/books` told it last; None if it did not.
        owed: A seq that `/books` told so long ago that the stream must have brought it since.
        failure: Why `/books` does not answer; None if it does.
        now: The clock of the poll.
    """
    if failure is not None:
        return Verdict("stale", f"last known book: {failure}")
    if polled is not None and polled.status == "refused":
        return _told("refused", polled.reason)
    return _of_stream(live, polled) or _of_poll(live, polled, owed, now) or LIVE


def _of_stream(live: LiveBook | None, polled: PolledBook | None) -> Verdict | None:
    """Return what the stream says against a book, None if nothing."""
    # Before the first book only `/books` knows why there is none.
    if live is None or live.reason == NO_BOOK_YET:
        has_cause = polled is not None and polled.status != "live" and polled.reason
        return _told("syncing", polled.reason if polled and has_cause else NO_BOOK_YET)
    if live.is_doubted:
        return _told("syncing", live.reason)
    return None if live.is_live else _told(live.status, live.reason)


def _of_poll(
    live: LiveBook | None, polled: PolledBook | None, owed: int | None, now: float
) -> Verdict | None:
    """Return what `/books` says against a book, None if nothing."""
    if live is not None and owed is not None and (live.seq or 0) < owed:
        return Verdict("stale", "this stream is behind what /books tells")
    if polled is None or polled.status == "live" or _is_newer(live, polled, now):
        return None
    return _told(polled.status, polled.reason)


def _is_newer(live: LiveBook | None, polled: PolledBook, now: float) -> bool:
    """Return whether the stream brought something after `/books` was asked."""
    age = live.age if live else None
    return age is not None and age < now - polled.asked_at


def _told(status: str, reason: str | None) -> Verdict:
    return Verdict(status, explain(status, reason))
