"""The requests of one session, at most so many a second, and each for several pairs.

They do no I/O and read no clock; the caller passes steady seconds.
"""

from __future__ import annotations

from collector.feed.budget import Budget
from collector.venues.sequenced.protocol import SequencedProtocol, VenueTraits
from collector.venues.subscription import take_together

# The pause after the venue has refused a request because of its rate limit. The subscriber repeats
# requests without an answer later.
RATE_PAUSE = 5.0
# Seconds without a frame after which the venue is asked for a sign of life.
PING_AFTER = 2.0


class PairRequests:
    """The requests to send, in order.

    Args:
        traits: The limits of the venue.
        protocol: Writes the requests.
    """

    def __init__(self, traits: VenueTraits, protocol: SequencedProtocol) -> None:
        self._protocol = protocol
        self._max_together = traits.max_together
        self._pace = Budget(traits.requests_per_second, 1.0)
        self._others: list[str] = []
        # In order, the most pairs that each pair's request may have; None for no limit.
        self._to_leave: dict[str, int | None] = {}
        self._to_ask: dict[str, int | None] = {}
        self._last_sign_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._others or self._to_leave or self._to_ask)

    def open(self, now: float) -> None:
        """Make the requests with which a connection begins."""
        self._others = list(self._protocol.open())
        self._last_sign_at = now

    def ask(self, name: str, max_together: int | None = None) -> None:
        """Subscribe to the book of a pair, in a request of at most `max_together` pairs."""
        self._to_ask[name] = max_together

    def leave(self, name: str, max_together: int | None = None) -> None:
        """Unsubscribe from the book of a pair, in a request of at most `max_together` pairs."""
        self._to_leave[name] = max_together

    def forget(self, name: str) -> None:
        """Drop the request to subscribe to a pair's book, if it was not sent yet."""
        self._to_ask.pop(name, None)

    def keep_alive(self, last_frame_at: float, now: float) -> None:
        """Ask for a sign of life, because without frames no book is confirmed.

        Args:
            last_frame_at: Time of the newest frame.
            now: The time.
        """
        self._last_sign_at = max(self._last_sign_at, last_frame_at)
        if now - self._last_sign_at < PING_AFTER:
            return
        self._last_sign_at = now
        if (ping := self._protocol.ping()) is not None:
            self._others.append(ping)

    def pause(self, now: float) -> None:
        """Send nothing for `RATE_PAUSE`, because the venue reported too many requests."""
        self._pace.pause(now + RATE_PAUSE)

    def next_request(self, now: float) -> str | None:
        """Return the request to send now; None if no request waits or the rate is too high."""
        if not self or not self._pace.take(now):
            return None
        if self._others:
            return self._others.pop(0)
        # A book must be unsubscribed before it can be subscribed to again.
        if self._to_leave:
            return self._protocol.unsubscribe(take_together(self._to_leave, self._max_together))
        return self._protocol.subscribe(take_together(self._to_ask, self._max_together))
