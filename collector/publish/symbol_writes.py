"""How far the writing of one symbol has come: what waits, and the call that has no answer yet."""

from __future__ import annotations

from time import monotonic

from collector.publish.outbox import Outbox
from kraken_book.backoff import Backoff
from kraken_book.contract.write import Retention, WriteCall, WriteRefusal

# A symbol that Redis refuses is tried again after 0.25 to 0.5 s, and at last every 2 to 4 s.
LEAST_HOLD, MOST_HOLD = 0.25, 4.0
# A refusal has the stream's position; if a write from there is refused, something else is wrong.
REFUSALS_AT_ONCE = 2
# A quiet book's age is renewed so often; readers take a book for stale after API_MAX_AGE, 10 s.
TOUCH_SECONDS = 1.0


class SymbolWrites:
    """One symbol's calls in their order: none leaves before Redis has answered the one before."""

    def __init__(self, outbox: Outbox, retention: Retention) -> None:
        self.outbox = outbox
        self._retention = retention
        self._backoff = Backoff(LEAST_HOLD, MOST_HOLD)
        self._held_until = 0.0
        self._refusals = 0
        # To be repeated to the letter until Redis answers it.
        self._open: WriteCall | None = None
        self._next_epoch: int | None = None
        self._called_at = 0.0

    @property
    def symbol(self) -> str:
        """The symbol of the book."""
        return self.outbox.symbol

    @property
    def idle(self) -> bool:
        """Whether Redis has all of it, and that under the newest epoch."""
        return self._open is None and not self.outbox.waiting and self._next_epoch is None

    @property
    def left(self) -> int:
        """How many events Redis is not known to have yet."""
        return self.outbox.waiting + (self._open.entries if self._open is not None else 0)

    def lead(self, epoch: int, after_seq: int = 0) -> None:
        """Write under `epoch` from now on, above `after_seq`, beginning with what is known now.

        What waits of an earlier epoch of ours is still written under that one: where nobody else
        has led in between, nothing is lost.
        """
        if self.idle:
            self.outbox.open(epoch, after_seq)
        else:
            self._next_epoch = epoch

    def resign(self) -> None:
        """Another leads: what waits is his to tell."""
        self._open = self._next_epoch = None
        self.outbox.close()

    def events_call(self, confirmed_at: str) -> WriteCall | None:
        """The call with the next events; the one before, to the letter, where that is open."""
        if self._open is None:
            self._open = self.outbox.take(confirmed_at, self._retention)
            if self._open is not None:
                self._called_at = monotonic()
            if self._next_epoch is not None and not self.outbox.waiting:
                epoch, self._next_epoch = self._next_epoch, None
                self.outbox.open(epoch)
        return self._open

    def owed_book_call(self, confirmed_at: str) -> WriteCall | None:
        """The call that brings the hash up to the events in Redis, where that is owed and due."""
        if self._open is not None:
            return None
        return self.outbox.write_book(confirmed_at, self._retention)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing of it was written for so long that its age is to be renewed."""
        return self._open is None and monotonic() - self._called_at >= TOUCH_SECONDS

    def touch_call(self, confirmed_at: str) -> WriteCall | None:
        """The call that renews the age of a live book that is in Redis as it is here."""
        self._called_at = monotonic()
        return self.outbox.touch(confirmed_at, self._retention)

    def concerns(self, call: WriteCall) -> bool:
        """Whether what became of `call` still matters: nobody else has led since it was made."""
        return call is self._open if call.entries else call.epoch == self.outbox.epoch

    @property
    def is_held_back(self) -> bool:
        """Return whether Redis refused it lately, for a reason that does not pass in a moment."""
        return monotonic() < self._held_until

    def hold_back(self) -> None:
        """Send nothing of it for a while, longer after each time."""
        self._held_until = monotonic() + self._backoff.next()

    def try_now(self) -> None:
        """Hold it back no longer."""
        self._held_until = 0.0

    def carried_out(self, call: WriteCall) -> None:
        """Redis has done `call`."""
        self._backoff.reset()
        self._refusals = 0
        if call is self._open:
            self._open = None

    def not_carried_out(self, call: WriteCall) -> None:
        """Redis has not done `call`: events are sent again, a touch is made anew when it is due."""
        if not call.entries:
            self.outbox.book_not_written()

    def refused(self, place: WriteRefusal) -> None:
        """Redis stands elsewhere, at `place`: go on from there with what is known now."""
        self._open = None
        self.outbox.refused(place)
        self._refusals += 1
        if self._refusals > REFUSALS_AT_ONCE:
            self.hold_back()
