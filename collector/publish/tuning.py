"""Intervals and sizes of publishing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """How often and how much is written; times are seconds. The defaults are the service's."""

    round_interval: float = 0.5
    """How often every symbol is looked at, even if nothing waits."""
    touch_interval: float = 1.0
    """How often a quiet book's age is renewed; readers take 10 s (API_MAX_AGE) for stale."""
    states_interval: float = 10.0
    """How often `kraken:symbols` is written again, in case somebody has damaged it."""
    retry_delay: float = 0.25
    """How long to wait at first before a node that does not answer is asked again."""
    max_symbols_per_send: int = 200
    """How many symbols' calls are sent together: a thousand would hold up the feed for 100 ms."""
    enough_events: int = 8
    """Events in one call that make the call's own cost a small part of the whole."""
    max_flush_interval: float = 0.5
    """How long events may gather while the feed is behind."""
