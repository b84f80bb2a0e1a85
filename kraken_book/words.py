"""What a status and its reason mean, in words for people.

The data keeps the contract's own words (`docs/contract.md`). The command line and the terminal show
these instead: what happened, and what is being done about it.
"""

from __future__ import annotations

from kraken_book.printable import printable

MOST_CHARACTERS = 200

_REASONS = {
    # About the book, from the collector.
    "checksum": "the checksum did not match; waiting for a fresh copy of the book",
    "crossed": "the best bid reached the best ask; waiting for a fresh copy of the book",
    "level": "a price or quantity made no sense; waiting for a fresh copy of the book",
    "frame": "Kraken sent something unreadable; waiting for a fresh copy of the book",
    "precision": "the number of decimals changed; waiting for a fresh copy of the book",
    "sequence": "updates are missing; waiting for a fresh copy of the book",
    "early": "an update came before the book; waiting for a fresh copy of the book",
    "unanswered": "Kraken did not answer the request for this book; asking again",
    "quiet": "no update came for a long time; asking Kraken for a fresh copy",
    # About the collector and its connection to Kraken.
    "closed": "Kraken closed the connection; the collector is connecting again",
    "silent": "Kraken's connection fell silent; the collector is connecting again",
    "lag": "Kraken's data came too late; the collector is connecting again",
    "unreachable": "Kraken cannot be reached; the collector keeps trying",
    "refused": "Kraken refused the connection; the collector keeps trying",
    "certificate": "Kraken's certificate is not trusted; the collector keeps trying",
    "stopped": "the collector was stopped; waiting for one to take over",
    # From the api.
    "age": "not confirmed by Kraken for too long; waiting for the collector",
    "redis": "the api cannot reach Redis; it keeps trying",
    # From this reader.
    "gap": "updates are missing; asking for a fresh copy of the book",
    "unverified": "an update came without a checksum; asking for a fresh copy of the book",
    "lagged": "this reader fell behind; waiting for a fresh copy of the book",
    "disconnected": "last known book: the connection to the api is gone; connecting again",
    "no book yet": "waiting for the first copy of the book",
}

_REFUSALS = {"not listed": "Kraken does not list this symbol any more"}

_STATUSES = {
    "asked": "Kraken was asked for this book and has not answered yet",
    "syncing": "waiting for a fresh copy of the book",
    "stale": "not confirmed by Kraken for too long",
    "refused": "Kraken does not serve this symbol",
}


def explain(status: str, reason: str | None) -> str:
    """Return why a book that is not live is not, and what is being done about it.

    A reason that is not one of the contract's is Kraken's own sentence, and is shown as it is.
    """
    if not reason:
        return _STATUSES.get(status) or printable(status, MOST_CHARACTERS)
    # Kraken's sentence about a symbol; `refused` as a reason is about a connection.
    known = _REFUSALS if status == "refused" else _REASONS
    return known.get(reason) or printable(reason, MOST_CHARACTERS)
