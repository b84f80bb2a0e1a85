"""The status with which a book is shown: `live` only if its stream and `/books` agree."""

from __future__ import annotations

from typing import NamedTuple

from kraken_book.client import LiveBook
from kraken_book.client.live_book import NO_BOOK_YET
from kraken_book.symbols import venue_of
from kraken_book.terminal.books_poll import PolledBook
from kraken_book.words import explain


class Verdict(NamedTuple):
    """The status of a book as it is shown.

    `reason` explains in a few words why the book is not live; it is None if the book is live.
    """

    status: str
    reason: str | None


LIVE = Verdict("live", None)


def judge(
    live: LiveBook | None,
    polled: PolledBook | None,
    expected_seq: int | None,
    failure: str | None,
    now: float,
) -> Verdict:
    """Return the verdict on a book.

    Args:
        live: The book of the stream, None before its first event.
        polled: The book in the last answer of `/books`, None if it was not there.
        expected_seq: A seq from an older answer of `/books`, which the stream should have reached;
            None if unknown.
        failure: Why `/books` does not answer, None if it does.
        now: The current time by the poll's clock.
    """
    if failure is not None:
        return Verdict("stale", f"last known book: {failure}")
    if polled is not None and polled.status == "refused":
        return _explained("refused", polled.reason, polled.symbol)
    return _doubt_of_stream(live, polled) or _doubt_of_poll(live, polled, expected_seq, now) or LIVE


def _doubt_of_stream(live: LiveBook | None, polled: PolledBook | None) -> Verdict | None:
    """Return the verdict of the stream on a book that is not live, None if the book is live."""
    # Before the first snapshot only `/books` has the reason.
    if live is None or live.reason == NO_BOOK_YET:
        has_cause = polled is not None and polled.status != "live" and polled.reason
        reason = polled.reason if polled and has_cause else NO_BOOK_YET
        known = live or polled
        return _explained("syncing", reason, known.symbol if known else "")
    if live.is_doubted:
        return _explained("syncing", live.reason, live.symbol)
    return None if live.is_live else _explained(live.status, live.reason, live.symbol)


def _doubt_of_poll(
    live: LiveBook | None, polled: PolledBook | None, expected_seq: int | None, now: float
) -> Verdict | None:
    """Return the verdict of `/books` on a book that is not live, None if the book is live."""
    if live is not None and expected_seq is not None and (live.seq or 0) < expected_seq:
        return Verdict("stale", "this stream is behind /books")
    if polled is None or polled.status == "live" or _is_newer(live, polled, now):
        return None
    return _explained(polled.status, polled.reason, polled.symbol)


def _is_newer(live: LiveBook | None, polled: PolledBook, now: float) -> bool:
    """Return whether the stream's last event arrived after the request for `/books`."""
    age = live.age if live else None
    return age is not None and age < now - polled.asked_at


def _explained(status: str, reason: str | None, symbol: str) -> Verdict:
    return Verdict(status, explain(status, reason, venue_of(symbol)))
