"""One symbol's subscription on one connection, as a state machine without I/O.

    WAITING ─▶ ASKED ─▶ ACKNOWLEDGED ─▶ LIVE
       ▲         │            │           │
       │         └─ REFUSED   └───────────┤ a doubt, or no answer in time
       └──────────────── LEAVING ◀────────┘

WAITING until `due`, then it is to be asked for. A doubted book is left first, and asked for again
once Kraken has confirmed that; so what still arrives of the old subscription is told from the new.
An acknowledgement or a snapshot counts in every state in which Kraken may be sending: also after a
refusal that was meant for another symbol, or while the symbol waits to be asked for again.

An error that names none of the symbols of its request decides nothing about any of them. Those that
stay without an answer are asked for again in smaller requests, `most_together` at a time, down to
one by one; so the one that is meant is found, and the others do not suffer for it.
"""

from __future__ import annotations

from enum import Enum

from collector.metrics import SUBSCRIPTION_STATES
from kraken_book.backoff import Backoff
from runtime.logs import get_logger

# The name that LOG_LEVEL takes; it outlives moves of this module.
log = get_logger("collector.kraken")

# Kraken was seen to drop requests without an answer, and to acknowledge without a snapshot.
ANSWER_SECONDS = 10.0
# Delay after an error without a symbol before unanswered requests are made again.
ANSWER_AFTER_ERROR_SECONDS = 2.0
# Parts that a request is divided into if its error does not say which symbol it means.
PARTS = 4
REFUSED_RETRY_SECONDS = 60.0
# A symbol that stays right for so long has recovered: its next doubt is a new one.
RECOVERED_SECONDS = 60.0


class State(Enum):
    """Where a subscription stands."""

    WAITING = "waiting"
    ASKED = "asked"
    ACKNOWLEDGED = "acknowledged"
    LIVE = "live"
    LEAVING = "leaving"
    REFUSED = "refused"


class Subscription:
    """One symbol's place in the conversation; times are steady seconds."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.state = State.WAITING
        self.due = 0.0
        self.may_ask = True
        """Whether the budget of asking anew has been charged, where it is to be."""
        self.may_be_sent = False
        """Return whether Kraken may be sending the book: it was subscribed to and not left."""
        self.most_together: int | None = None
        """With how many others it is to be asked for at most; None for any number."""
        self._since = self._answer_due = 0.0
        self._backoff = Backoff()
        self._doubted = False

    def move(self, state: State, now: float) -> None:
        """Enter `state`; the one place where a subscription changes."""
        self.state = state
        self._since = now
        self._answer_due = now + ANSWER_SECONDS
        if state is State.ASKED:
            self.may_be_sent = True
        SUBSCRIPTION_STATES.labels(state.value).inc()
        log.debug("subscription", symbol=self.symbol, state=state.value)

    def ask_anew(self, now: float, *, may_ask: bool) -> None:
        """Leave, to be asked for again at once."""
        self.due = now
        self.may_ask = may_ask
        self.move(State.LEAVING, now)

    def doubt(self, now: float, *, may_ask: bool) -> None:
        """Leave, to be asked for again: at once the first time, later the more often it happens."""
        recovered = self.state is State.LIVE and now - self._since >= RECOVERED_SECONDS
        if recovered:
            self._backoff.reset()
        again = self._doubted and not recovered
        self._doubted = True
        self.ask_anew(now, may_ask=may_ask)
        if again:
            self.due = now + self._backoff.next()

    def left(self, now: float) -> None:
        """Wait to be asked for again: Kraken sends the book no more."""
        self.may_be_sent = False
        self.most_together = None
        self.move(State.WAITING, now)

    def divide(self, together: int, now: float) -> None:
        """Be asked for, or left, with fewer others: an error may mean any of so many `together`."""
        if together > 1:
            self.most_together = max(1, together // PARTS)
            self._answer_due = min(self._answer_due, now + ANSWER_AFTER_ERROR_SECONDS)

    def unanswered(self, now: float) -> bool:
        """Whether what was asked has had its time."""
        pending = self.state in (State.ASKED, State.ACKNOWLEDGED, State.LEAVING)
        return pending and now >= self._answer_due

    def to_ask(self, now: float) -> bool:
        """Whether it is time to ask for the book."""
        if self.state is State.REFUSED:
            return now - self._since >= REFUSED_RETRY_SECONDS
        return self.state is State.WAITING and now >= self.due
