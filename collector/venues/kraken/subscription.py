"""One symbol's subscription on one connection: the state machine that also moves its book's status.

`TRANSITIONS` is the whole table; an event that it does not list for a state means nothing there.

    WAITING ─▶ ASKED ─▶ ACKNOWLEDGED ─▶ LIVE
       ▲        │ ▲           ▲           │ in doubt, or quiet for long
       │        ▼ │           │           │
       │     REFUSED, ────────┘           │
       │     UNANSWERED                   │
       └────── LEAVING ◀──────────────────┘ from each but WAITING, if in doubt or removed

A book in doubt is left first, and asked for again once Kraken has confirmed that. So late frames of
the old subscription are told from those of the new one. An acknowledgement or a snapshot counts in
every state in which Kraken may be sending the book: also after a refusal that was meant for another
symbol, or while the symbol is to be asked for again because no answer came.

An error that names none of the symbols of its request decides nothing about any of them. Symbols
that stay without an answer are asked for again in smaller requests, `max_together` at a time, down
to one by one. This finds the symbol that the error means, and leaves the others unharmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from collector.feed.books import SymbolBook
from collector.metrics import SUBSCRIPTION_STATES
from kraken_book.backoff import Backoff
from runtime.logs import get_logger

# The name that LOG_LEVEL takes; it outlives moves of this module.
log = get_logger("collector.kraken")

# Kraken was seen to drop requests without an answer, and to acknowledge without a snapshot.
ANSWER_TIMEOUT = 10.0
# Delay after an error without a symbol before unanswered requests are made again.
TIMEOUT_AFTER_ERROR = 2.0
# Parts that a request is divided into if its error does not say which symbol it means.
PARTS = 4
REFUSED_RETRY_DELAY = 60.0
# A symbol that stays live for so long has recovered: its next doubt is a first one.
RECOVERED_AFTER = 60.0


class State(Enum):
    """State of a subscription."""

    WAITING = "waiting"
    """Not subscribed; to be asked for once it is due."""
    ASKED = "asked"
    UNANSWERED = "unanswered"
    """Asked for without an answer; to be asked for again. The answer may still come."""
    ACKNOWLEDGED = "acknowledged"
    """Granted; the snapshot is to come."""
    LIVE = "live"
    LEAVING = "leaving"
    """To be unsubscribed, until Kraken confirms it."""
    REFUSED = "refused"


class Event(Enum):
    """What happens to a subscription; beside it what becomes of its book."""

    REQUESTED = "requested"
    TIMED_OUT = "timed out"
    ACKNOWLEDGED = "acknowledged"
    """The book is `syncing`."""
    REFUSED = "refused"
    """The book is `refused`."""
    UNUSABLE = "unusable"
    """Kraken may send the book, but its precision is not known: the book is `refused`."""
    VERIFIED = "verified"
    """A snapshot was verified: the book has become `live`."""
    DOUBTED = "doubted"
    """A new snapshot is needed: the book is `syncing`."""
    REMOVED = "removed"
    """Nobody wants the book any more."""
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

_AWAITS_ANSWER = (State.ASKED, State.ACKNOWLEDGED, State.LEAVING)


class Clock:
    """The steady time of what a session processes, in seconds; the session sets it."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now


class Subscription:
    """One symbol's place in the session.

    Attributes:
        book: The book that it serves, whose status follows its state.
        state: Its state; `move` alone changes it.
        due: From when it is to be asked for, if it waits for that.
        has_budget: Whether the next request is paid for from the budget of resyncs, or is free.
        max_together: With how many others it may be in one request; None for any number.
    """

    def __init__(self, book: SymbolBook, clock: Clock) -> None:
        self.book = book
        self.state = State.WAITING
        self.due = 0.0
        self.has_budget = True
        self.max_together: int | None = None
        self._clock = clock
        self._since = self._answer_due = 0.0
        self._backoff = Backoff()
        self._doubted = False

    @property
    def symbol(self) -> str:
        """The symbol of its book."""
        return self.book.symbol

    def move(self, event: Event, reason: str = "") -> bool:
        """Enter the state that follows `event`, and move the book's status with it.

        Args:
            event: What happened.
            reason: Why, for a book that is not live any more.

        Returns:
            Whether the event means something in this state; if not, nothing changes.
        """
        state = TRANSITIONS.get((event, self.state))
        if state is None:
            return False
        self.state = state
        self._since = self._clock.now
        self._answer_due = self._since + ANSWER_TIMEOUT
        SUBSCRIPTION_STATES.labels(state.value).inc()
        log.debug("subscription", symbol=self.symbol, state=state.value)
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
        """Drop the book and leave, to be asked for again.

        Args:
            reason: Why the book is not live any more.
            has_budget: Whether the next request is paid for.
            is_doubt: Whether the book may have been wrong. The first time it is asked for again at
                once, then later the more often it happens.
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
        """Leave because nobody wants the book; return whether there is anything to leave."""
        self.due = self._clock.now
        self.has_budget = True
        return self.move(Event.REMOVED)

    def close(self, reason: str) -> None:
        """Drop the book because the connection has ended; a refusal stays."""
        if self.book.status != "refused":
            self.book.lose(reason)

    def divide(self, together: int) -> None:
        """Ask, or leave, with fewer others: an error may mean any of `together` symbols."""
        if together > 1:
            self.max_together = max(1, together // PARTS)
            self._answer_due = min(self._answer_due, self._clock.now + TIMEOUT_AFTER_ERROR)

    @property
    def is_overdue(self) -> bool:
        """Whether the answer that it awaits has not come in time."""
        return self.state in _AWAITS_ANSWER and self._clock.now >= self._answer_due

    @property
    def is_to_be_asked(self) -> bool:
        """Whether it is time to ask for the book."""
        if self.state is State.REFUSED:
            return self._clock.now - self._since >= REFUSED_RETRY_DELAY
        return self.state in (State.WAITING, State.UNANSWERED) and self._clock.now >= self.due
