"""Explain a status and its reason to people.

The data contains the reason words of `docs/contract.md`. The command line and the terminal show a
sentence instead: the cause, and the reaction to it.
"""

from __future__ import annotations

from kraken_book.printable import printable
from kraken_book.symbols import KRAKEN

__all__ = ["explain", "venue_title"]

MAX_CHARACTERS = 200

_REASONS = {
    # About the book: found by the collector, or by this reader.
    "checksum": "checksum mismatch: asking for it again",
    "crossed": "best bid not below best ask: asking for it again",
    "level": "a price or quantity makes no sense: asking for it again",
    "frame": "unreadable data from Kraken: asking for it again",
    "precision": "the number of decimals changed: asking for it again",
    "sequence": "updates are missing: asking for it again",
    "gap": "updates are missing: asking for it again",
    "unverified": "an update without a checksum: asking for it again",
    "window": "too many levels have gone: asking for the whole book again",
    "early": "an update came before its book: asking for it again",
    "unanswered": "Kraken did not answer for this book: asking again",
    "quiet": "no update for a long time: asking Kraken for the book again",
    # About the collector and its connection to Kraken.
    "closed": "Kraken closed the connection: the collector is connecting again",
    "silent": "Kraken fell silent: the collector is connecting again",
    "lag": "Kraken's data comes too late: the collector is connecting again",
    "unreachable": "Kraken cannot be reached: the collector keeps trying",
    "refused": "Kraken refused the connection: the collector keeps trying",
    "certificate": "Kraken's certificate is not trusted: the collector keeps trying",
    "flood": "Kraken sent too many pings or fragments: the collector is connecting again",
    "restart": "the exchange restarts: the collector is connecting again",
    "stopped": "the collector was stopped: waiting for one to take over",
    # From the api.
    "age": "not known to match Kraken now: waiting for the collector",
    "redis": "the api cannot reach Redis: it keeps trying",
    "no-symbols": "no collector has named its symbols yet: waiting for one",
    "corrupt-symbols": "the list of symbols in Redis is damaged: see the log of the api",
    "too-many-choices": "this api serves too many different streams: waiting for one to end",
    "no-room": "this api has no memory left for another view: waiting for some",
    # About this reader.
    "lagged": "this reader fell behind: waiting for the current book",
    "disconnected": "last known book: the stream was lost, connecting again",
    "no book yet": "waiting for the first book",
    "not listed": "Kraken does not list this symbol any more",
}

_REFUSALS = {"not listed": "Kraken does not list this symbol any more"}

_STATUSES = {
    "asked": "Kraken was asked for this book and has not answered yet",
    "syncing": "waiting for the book from Kraken",
    "stale": "not known to match Kraken now",
    "refused": "Kraken does not serve this symbol",
}


def explain(status: str, reason: str | None, venue: str = KRAKEN) -> str:
    """Return why a book is not live, and the reaction to it.

    A reason that the contract does not define is the venue's own sentence, and is returned
    unchanged except for unprintable characters.

    Args:
        status: The status of the book.
        reason: The reason of it, if there is one.
        venue: The venue of the book.
    """
    if not reason:
        sentence = _STATUSES.get(status)
    else:
        # A refused symbol has the venue's sentence; the reason `refused` is about a connection.
        sentence = (_REFUSALS if status == "refused" else _REASONS).get(reason)
    if sentence is None:
        return printable(reason or status, MAX_CHARACTERS)
    return sentence.replace("Kraken", venue_title(venue))


def venue_title(venue: str) -> str:
    """Return the name of a venue as people write it, such as `Kraken`."""
    return venue.capitalize()
