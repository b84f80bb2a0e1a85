"""Writes what waits in the outboxes to Redis: one flush at a time, each event once.

While a flush is under way, events gather for the next; so writes batch by themselves under load and
go out at once without it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from time import monotonic

from redis.asyncio import Redis

from collector.books import SymbolBook
from collector.delivery import Delivered, Delivery
from collector.metrics import WAITING
from collector.outbox import Outbox, most_waiting
from collector.stamp import Stamp
from kraken_book.redis_contract.symbol_state import SymbolState
from kraken_book.redis_contract.write import Retention, WriteCall
from service.logs import get_logger

log = get_logger(__name__)

# A quiet book's age is renewed so often; readers take a book for stale after API_MAX_AGE, 10 s.
TOUCH_SECONDS = 1.0
# All symbols are looked over so often, also when nothing waits.
ROUND_SECONDS = 0.5
# What `kraken:symbols` says is written again so often, should somebody have removed it.
STATES_SECONDS = 10.0


class Publisher:
    """The one writer of its books; closed until it leads.

    `read` tells when the newest frame of a symbol's connection was read, None where that connection
    is down or silent. `on_fenced` is called when a newer epoch has written.
    """

    def __init__(
        self,
        redis: Redis,
        retention: Retention,
        shard: str,
    ) -> None:
        self._delivery = Delivery(redis)
        self._retention = retention
        self._shard = shard
        self.read: Callable[[str], Stamp | None] = lambda _symbol: None
        self.on_fenced: Callable[[int], None] = lambda _epoch: None
        self._outboxes: dict[str, Outbox] = {}
        self._waiting: dict[str, Outbox] = {}
        # Calls that Redis did not carry out, to be repeated before anything newer of their symbol.
        self._open_calls: dict[str, WriteCall] = {}
        self._states: dict[str, SymbolState] = {}
        self._next_round = 0.0
        self._next_states = 0.0
        # Whose events have gone on from the book in Redis, at great depth.
        self._owing: dict[str, Outbox] = {}
        # Whose symbols are followed no more; each goes once nothing of it waits.
        self._leaving: set[str] = set()
        # The last number of each that has gone in this epoch, should it come back.
        self._left_at: dict[str, int] = {}
        self._epoch: int | None = None
        self._next_epoch: int | None = None
        self._written_at: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self.leading = False

    def add(self, book: SymbolBook) -> Outbox:
        """Write what happens to `book`, from what is known of it now, through this outbox."""
        held = self._outboxes.get(book.symbol)
        if held is not None:
            # It has left, and something of it still waits: that goes first.
            self._leaving.discard(book.symbol)
            held.carry(book)
            return held
        outbox = Outbox(book, self.on_waiting, lambda: most_waiting(len(self._outboxes)))
        self._outboxes[book.symbol] = outbox
        outbox.carry(book)
        if self._epoch is not None:
            outbox.open(self._epoch, self._left_at.pop(book.symbol, 0))
        return outbox

    def remove(self, symbol: str) -> None:
        """Write what still waits of this book, and then nothing more."""
        self._leaving.add(symbol)
        if self.leading:
            self._wake.set()
        else:
            self._let_go()

    def on_waiting(self, outbox: Outbox) -> None:
        """Something waits in `outbox`."""
        self._waiting[outbox.symbol] = outbox
        self._wake.set()

    def lead(self, epoch: int) -> None:
        """Write from now on, under `epoch`, beginning with every book or its absence.

        What waits of an earlier epoch of ours is still written under that one: where nobody else
        has led in between, nothing is lost.
        """
        self._next_epoch = epoch
        if not self.leading:
            self.leading = True
            self._open_next()
        self._wake.set()

    def follow(self) -> None:
        """Write no more."""
        self.leading = False
        self._epoch = self._next_epoch = None
        self._waiting.clear()
        self._open_calls.clear()
        for outbox in self._outboxes.values():
            outbox.close()
        self._let_go()
        self._left_at.clear()

    async def run(self) -> None:
        """Flush whenever something waits, and at least every half second, for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._wake.wait()
            await self.flush()

    async def drain(self) -> None:
        """Write until nothing waits, or Redis takes no more of it."""
        left = -1
        while (waiting := self._left()) and waiting != left:
            left = waiting
            await self.flush()

    async def flush(self) -> None:
        """Write what waits now, and return when Redis has answered."""
        async with self._flushing:
            self._wake.clear()
            if self.leading:
                await self._flush()

    async def _flush(self) -> None:
        await self._delivery.ask_time()
        outboxes = self._turns()
        calls = [*self._open_calls.values(), *self._take(outboxes), *self._owed_books()]
        if self._next_epoch is not None and not any(outbox.waiting for outbox in outboxes):
            self._open_next()
        if monotonic() >= self._next_round:
            self._next_round = monotonic() + ROUND_SECONDS
            outboxes = list(self._outboxes.values())
            WAITING.set(sum(outbox.waiting for outbox in outboxes))
            if monotonic() >= self._next_states:
                self._next_states = monotonic() + STATES_SECONDS
                self._states.clear()
            calls += self._touch(outboxes)
        states = self._changed_states(outboxes)
        if calls or states:
            self._settle(await self._delivery.deliver(calls, states))
        self._let_go()

    def _let_go(self) -> None:
        for symbol in list(self._leaving):
            if symbol not in self._open_calls and not self._outboxes[symbol].waiting:
                self._leaving.discard(symbol)
                self._waiting.pop(symbol, None)
                self._left_at[symbol] = self._outboxes.pop(symbol).seq
                self._states.pop(symbol, None)
                self._written_at.pop(symbol, None)

    def _left(self) -> int:
        return len(self._open_calls) + sum(outbox.waiting for outbox in self._waiting.values())

    def _open_next(self) -> None:
        assert self._next_epoch is not None
        epoch, self._next_epoch = self._next_epoch, None
        self._epoch = epoch
        self._left_at.clear()
        self._states.clear()
        for outbox in self._outboxes.values():
            outbox.open(epoch)

    def _turns(self) -> list[Outbox]:
        """The outboxes whose turn it is; one whose last call is open waits for that."""
        waiting = self._waiting
        self._waiting = {s: box for s, box in waiting.items() if s in self._open_calls}
        return [outbox for symbol, outbox in waiting.items() if symbol not in self._open_calls]

    def _take(self, outboxes: Iterable[Outbox]) -> list[WriteCall]:
        calls = []
        for outbox in outboxes:
            call = outbox.take(self._confirmed_at(outbox), self._retention)
            if call is not None:
                calls.append(call)
                self._written_at[outbox.symbol] = monotonic()
                if outbox.owes_book:
                    self._owing[outbox.symbol] = outbox
        return calls

    def _owed_books(self) -> list[WriteCall]:
        calls = []
        for symbol, outbox in list(self._owing.items()):
            if not outbox.owes_book:
                del self._owing[symbol]
            elif symbol not in self._open_calls:
                call = outbox.write_book(self._confirmed_at(outbox), self._retention)
                if call is not None:
                    calls.append(call)
        return calls

    def _touch(self, outboxes: Iterable[Outbox]) -> list[WriteCall]:
        calls = []
        for outbox in outboxes:
            if not self._touchable(outbox):
                continue
            call = outbox.touch(self._confirmed_at(outbox), self._retention)
            if call is not None:
                calls.append(call)
                self._written_at[outbox.symbol] = monotonic()
        return calls

    def _touchable(self, outbox: Outbox) -> bool:
        symbol = outbox.symbol
        quiet = monotonic() - self._written_at.get(symbol, 0.0) >= TOUCH_SECONDS
        return quiet and symbol not in self._open_calls and self.read(symbol) is not None

    def _confirmed_at(self, outbox: Outbox) -> str:
        # Whatever came on the connection after the book's own last frame confirms the book too.
        return self._delivery.clock.text(self.read(outbox.symbol) or outbox.book.read)

    def _changed_states(self, outboxes: Iterable[Outbox]) -> dict[str, SymbolState]:
        changed = {}
        for outbox in outboxes:
            state = outbox.book.state(self._shard)
            if self._states.get(outbox.symbol) != state:
                self._states[outbox.symbol] = changed[outbox.symbol] = state
        return changed

    def _settle(self, delivered: Delivered) -> None:
        # A touch that was not carried out is made anew when it is due.
        self._open_calls = {call.symbol: call for call in delivered.open_calls if call.entries}
        for call in delivered.open_calls:
            if not call.entries and (outbox := self._outboxes.get(call.symbol)) is not None:
                outbox.book_not_written()
        for symbol in delivered.open_states:
            self._states.pop(symbol, None)
        for call, refused in delivered.refused:
            # That a new epoch finds an older one's events is how a leader learns where to go on.
            level = log.info if refused.epoch < call.epoch else log.warning
            level("write refused", symbol=call.symbol, **refused._asdict())
            if refused.word == "FENCED":
                self.follow()
                self.on_fenced(refused.epoch)
                return
            self._outboxes[call.symbol].refused(refused)
