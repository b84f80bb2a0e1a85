"""One symbol's subscription on one connection: a state machine that also moves the book's status.

`TRANSITIONS` is the whole table. An event that it does not list for a state is ignored.

    WAITING ─▶ ASKED ─▶ ACKNOWLEDGED ─▶ LIVE
       ▲        │ ▲           ▲           │ in doubt, or quiet for long
       │        ▼ │           │           │
       │     REFUSED, ────────┘           │
       │     UNANSWERED                   │
       └────── LEAVING ◀──────────────────┘ from each but WAITING, if in doubt or removed

A book in doubt is unsubscribed first, and subscribed to again when Kraken has confirmed that. So
late frames of the old subscription cannot be mistaken for frames of the new one. An acknowledgement
or a snapshot counts in every state in which Kraken may send the book: also after a refusal that
concerned another symbol, or while the request is to be repeated because no answer came.

An error may name none of the symbols of its request. Then it decides nothing about any of them.
Requests for symbols without an answer are repeated with fewer symbols, at most `max_together`, and
in the end with one. This finds the symbol that the error concerns, without harm to the others.

A request is sent `MAX_ATTEMPTS` times. If a request to subscribe has no answer then, its book is
refused, and asked for again later; so one symbol does not end the connection of the others. If no
book of the connection is live, or if a request to unsubscribe has no answer, the connection is
opened again: nothing else ends a subscription of which late frames may come.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from collector.feed.books import SymbolBook
from collector.metrics import SUBSCRIPTION_STATES
from collector.venues.session import RequestsUnanswered
from kraken_book.backoff import Backoff
from kraken_book.symbols import venue_of
from runtime.logs import get_logger

# Kraken sometimes drops a request, or sends no snapshot (docs/kraken-protocol.md).
ANSWER_TIMEOUT = 10.0
# How often a request is sent if no answer comes.
MAX_ATTEMPTS = 3
# The same after an error without a symbol.
TIMEOUT_AFTER_ERROR = 2.0
# Number of parts that a request is divided into after such an error.
PARTS = 4
REFUSED_RETRY_DELAY = 60.0
# If a book stays live for this time, its next resync has no delay.
RECOVERED_AFTER = 60.0


class State(Enum):
    """State of a subscription."""

    WAITING = "waiting"
    """Not subscribed; the request is made when it is due."""
    ASKED = "asked"
    UNANSWERED = "unanswered"
    """The request had no answer and will be repeated; the answer may still come."""
    ACKNOWLEDGED = "acknowledged"
    """Kraken granted the request; the snapshot has not come yet."""
    LIVE = "live"
    LEAVING = "leaving"
    """Unsubscribing; Kraken has not confirmed it yet."""
    REFUSED = "refused"


class Event(Enum):
    """An event of a subscription, with its effect on the book."""

    REQUESTED = "requested"
    TIMED_OUT = "timed out"
    ACKNOWLEDGED = "acknowledged"
    """The book becomes `syncing`."""
    REFUSED = "refused"
    """The book becomes `refused`."""
    UNUSABLE = "unusable"
    """Kraken granted the request, but the precision is unknown: the book becomes `refused`."""
    VERIFIED = "verified"
    """A snapshot was verified: the book is already `live`."""
    DOUBTED = "doubted"
    """A new snapshot is needed: the book becomes `syncing`."""
    REMOVED = "removed"
    """The book was removed from the session."""
    LEFT = "left"


_MAY_BE_SENT = tuple(state for state in State if state is not State.WAITING)
_MAY_BE_ACKNOWLEDGED = (State.ASKED, State.UNANSWERED, State.REFUSED)
_TABLE: tuple[tuple[Event, Sequence[State], State], ...] = (
    (Event.REQUESTED, (State.WAITING, State.UNANSWERED, State.REFUSED), State.ASKED),
    (Event.TIMED_OUT, (State.ASKED,), State.UNANSWERED),
    (Event.TIMED_OUT, (State.LEAVING,), State.LEAVING),
    (Event.ACKNOWLEDGED, _MAY_BE_ACKNOWLEDGED, State.ACKNOWLEDGED),
    (Event.UNUSABLE, _MAY_BE_ACKNOWLEDGED, State.REFUSED),
    (Event.REFUSED, (State.ASKED,), State.REFUSED),
    (Event.VERIFIED, (State.ACKNOWLEDGED,), State.LIVE),
    (
        Event.DOUBTED,
        (State.ASKED, State.ACKNOWLEDGED, State.LIVE, State.REFUSED),
        State.LEAVING,
    ),
    (Event.REMOVED, _MAY_BE_SENT, State.LEAVING),
    (Event.LEFT, (State.LEAVING,), State.WAITING),
)
TRANSITIONS = {(event, state): to for event, states, to in _TABLE for state in states}

# Events that follow from the venue's frames: it answers.
_ANSWERS = (Event.ACKNOWLEDGED, Event.UNUSABLE, Event.VERIFIED, Event.LEFT)
_AWAITS_ANSWER = (State.ASKED, State.ACKNOWLEDGED, State.LEAVING)


class Clock:
    """The time of a session, in steady seconds; the session sets it."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now


class Subscription:
    """The subscription of one symbol.

    Args:
        book: The book; its status follows the state.
        clock: The session's time.

    Attributes:
        book: The book.
        state: The state; `move` alone changes it.
        due: Time of the next request, if it waits for one.
        has_budget: Whether the next request needs nothing more from the budget of resyncs.
        max_together: The most symbols in the next request; None for no limit.
    """

    def __init__(self, book: SymbolBook, clock: Clock) -> None:
        self.book = book
        self.state = State.WAITING
        self.due = 0.0
        self.has_budget = True
        self.max_together: int | None = None
        self._clock = clock
        self._log = get_logger(f"collector.{venue_of(book.name)}")
        self._since = self._answer_due = 0.0
        self._backoff = Backoff()
        self._doubted = False
        # How often the present request was sent without an answer.
        self._unanswered = 0

    @property
    def symbol(self) -> str:
        """The symbol of the book."""
        return self.book.symbol

    def move(self, event: Event, reason: str = "") -> bool:
        """Enter the state that follows `event`, and change the book's status accordingly.

        Args:
            event: The event.
            reason: The reason of a book that is not live any more.

        Returns:
            Whether the state has a transition for the event; if not, nothing changes.
        """
        state = TRANSITIONS.get((event, self.state))
        if state is None:
            return False
        self.state = state
        self._since = self._clock.now
        self._answer_due = self._since + ANSWER_TIMEOUT
        if event in _ANSWERS:
            self._unanswered = 0
        SUBSCRIPTION_STATES.labels(state.value).inc()
        self._log.debug("subscription state changed", symbol=self.symbol, state=state.value)
        match event:
            case Event.TIMED_OUT if state is State.UNANSWERED:
                self.due = self._since
            case Event.ACKNOWLEDGED:
                self.max_together = None
                self.book.acknowledge()
            case Event.REFUSED | Event.UNUSABLE:
                self.book.refuse(reason)
            case Event.DOUBTED:
                self.book.resyncs += 1
                self.book.lose(reason)
            case Event.LEFT:
                self.max_together = None
        return True

    def resync(self, reason: str, *, has_budget: bool, is_doubt: bool = True) -> None:
        """Drop the book and unsubscribe, in order to subscribe again.

        Args:
            reason: Reason of the book.
            has_budget: Whether the next request needs nothing more from the budget of resyncs.
            is_doubt: Whether the book may have been wrong. Then the next request is delayed, except
                for the first doubt, and longer after each.
        """
        self.due = self._clock.now + (self._delay_after_doubt() if is_doubt else 0.0)
        self.has_budget = has_budget
        self.move(Event.DOUBTED, reason)

    def _delay_after_doubt(self) -> float:
        lasted = self._clock.now - self._since
        recovered = self.state is State.LIVE and lasted >= RECOVERED_AFTER
        if recovered:
            self._backoff.reset()
        is_first = recovered or not self._doubted
        self._doubted = True
        return 0.0 if is_first else self._backoff.next()

    def remove(self) -> bool:
        """Unsubscribe, because the book was removed; return whether a request is needed."""
        self.due = self._clock.now
        self.has_budget = True
        return self.move(Event.REMOVED)

    def close(self, reason: str) -> None:
        """Drop the book because the connection has ended; a refused book stays `refused`."""
        if self.book.status != "refused":
            self.book.lose(reason)

    def wait_on(self) -> None:
        """Wait for the answer once more as long, because it is on its way."""
        self._answer_due = self._clock.now + ANSWER_TIMEOUT

    def time_out(self, *, has_live: bool) -> None:
        """Repeat a request that had no answer in time, or give up.

        Args:
            has_live: Whether a book of the connection is live, so that the venue does answer.

        Raises:
            RequestsUnanswered: It was sent `MAX_ATTEMPTS` times, and only a new connection helps.
        """
        self._unanswered += 1
        if self._unanswered < MAX_ATTEMPTS:
            self.move(Event.TIMED_OUT)
        elif self.state is State.ASKED and has_live:
            self.move(Event.REFUSED, "no answer")
        else:
            what = "unsubscribe from" if self.state is State.LEAVING else "subscribe to"
            raise RequestsUnanswered(
                f"no answer to {MAX_ATTEMPTS} requests to {what} {self.symbol}"
            )

    def excuse(self) -> None:
        """Count attempts anew, because the venue has asked for a pause."""
        self._unanswered = 0

    def divide(self, together: int) -> None:
        """Make smaller requests, after an error that may concern any of `together` symbols."""
        if together > 1:
            before, self.max_together = self.max_together, max(1, together // PARTS)
            if before is None or self.max_together < before:
                self._unanswered = 0
            self._answer_due = min(self._answer_due, self._clock.now + TIMEOUT_AFTER_ERROR)

    @property
    def is_overdue(self) -> bool:
        """Whether an answer has not come in time."""
        return self.state in _AWAITS_ANSWER and self._clock.now >= self._answer_due

    @property
    def is_to_be_asked(self) -> bool:
        """Whether the request for the book is due."""
        if self.state is State.REFUSED:
            return self._clock.now - self._since >= REFUSED_RETRY_DELAY
        return self.state in (State.WAITING, State.UNANSWERED) and self._clock.now >= self.due


def take_together(waiting: dict[str, int | None], most: int | None = None) -> tuple[str, ...]:
    """Remove and return the symbols that may share a request with the first one.

    Args:
        waiting: In order, the most symbols that each symbol's request may have; None for no limit.
        most: The most symbols of any request; None for no limit.

    Returns:
        The symbols, in order.
    """
    limit = next(iter(waiting.values()))
    alike = [symbol for symbol, other in waiting.items() if other == limit]
    limits = [each for each in (limit, most) if each is not None]
    together = tuple(alike[: min(limits)] if limits else alike)
    for symbol in together:
        del waiting[symbol]
    return together
