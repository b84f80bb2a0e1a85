"""The line below a ladder: how much was verified, the seq, and the age."""

from __future__ import annotations

from kraken_book.client import Counts, LiveBook
from kraken_book.terminal.texts import NOTHING, age_text, count_text, counted, first_that_fits


def trust_line(live: LiveBook | None, age: float | None, width: int) -> str:
    """Return the count of verified events, the seq, and the age of a book."""
    verified = live.counts.verified if live else 0
    seq = NOTHING if live is None or live.seq is None else str(live.seq)
    count, old = count_text(verified), age_text(age)
    return first_that_fits(
        (
            f"{count} verified · seq {seq} · age {old}",
            f"{count} verified  seq {seq}  age {old}",
            f"{count} verified  seq {seq}  {old}",
            f"{count} ok  seq {seq}  {old}",
            f"seq {seq}  {old}",
            old,
        ),
        width,
    )


def troubles(counts: Counts, width: int) -> str:
    """Return what went wrong with a book so far, and what was conflated; empty if nothing."""
    told = [
        counts.doubts and counted(counts.doubts, "doubt"),
        counts.lagged and f"{count_text(counts.lagged)} lagged",
        counts.missed and f"{count_text(counts.missed)} missed",
        counts.conflated and f"{count_text(counts.conflated)} conflated",
    ]
    facts = [fact for fact in told if fact]
    if not facts:
        return ""
    # If there is no room, the last ones are left out, and a mark says so.
    texts = [" · ".join(facts)]
    texts += [f"{' · '.join(facts[:most])} …" for most in range(len(facts) - 1, 0, -1)]
    return first_that_fits(texts, width)
