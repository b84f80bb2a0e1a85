"""Intervals and sizes of publishing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """Intervals in seconds, and sizes; the service uses the defaults."""

    round_interval: float = 0.5
    """Interval of rounds, which also write books without new events."""
    touch_interval: float = 1.0
    """Interval at which a quiet book's age is renewed; API_MAX_AGE must be well above it."""
    states_interval: float = 10.0
    """Interval at which all of `kraken:symbols` is written again, to repair damage."""
    retry_delay: float = 0.25
    """The first delay before a node that does not answer is called again."""
    max_symbols_per_send: int = 200
    """The most symbols in one send; more would block the event loop for long."""
    max_events_per_send: int = 10_000
    """A send has no further symbols after this many events: a tenth of a second of Redis."""
    enough_events: int = 32
    """Events in one call that make the call's own cost a small part of the total."""
    max_flush_interval: float = 0.25
    """The longest time for which events gather while the feed is behind."""
    slow_answer: float = 1.0
    """Seconds without an answer after which connections do not pause for Redis."""
    max_stall: float = 2.0
    """Seconds without a write of a symbol after which connections do not pause for its queue."""
