"""Writes the books that one node of Redis has: one flush at a time, each event once.

While a flush is under way, events gather for the next; so writes batch by themselves under load and
go out at once without it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from collector.feed.link import FeedLoad
from collector.publish.pace import Pace
from collector.publish.sender import Delivered, Delivery
from collector.publish.shared_keys import Announcements, News
from collector.publish.symbol_writes import SymbolWrites
from collector.report.troubles import Troubles
from kraken_book.contract.keys import WAKE, book_key
from kraken_book.contract.write import WriteCall, WriteRefusal
from runtime.logs import get_logger
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# All symbols are looked over so often, also when nothing waits.
ROUND_SECONDS = 0.5
# While it rests it looks so often whether it still has to.
LOOK_SECONDS = 0.05
# The calls of so many symbols: to make those of a thousand would hold up the feed for 100 ms.
SENT_TOGETHER = 200


@dataclass(frozen=True)
class Head:
    """What the writers of all nodes have in common: whom they ask, and whom they tell."""

    shard: str
    announcements: Announcements
    troubles: Troubles
    load: FeedLoad
    is_leading: Callable[[], bool]
    on_moved: Callable[[SymbolWrites], None]
    """Another node has this symbol's keys now."""
    on_fenced: Callable[[int], None]
    """A newer epoch has written."""
    on_flushed: Callable[[], None]


class NodeWriter:
    """The one writer of its symbols; a node that does not answer holds up these and no others."""

    def __init__(self, node: RedisNode, nodes: Nodes, head: Head) -> None:
        self.node = node
        self._nodes = nodes
        self._head = head
        self._delivery = Delivery(nodes, node, head.troubles)
        self._symbols: dict[str, SymbolWrites] = {}
        self._due: dict[str, SymbolWrites] = {}
        # Whose events have gone on from the book in Redis, at great depth.
        self._owing: dict[str, SymbolWrites] = {}
        self._topology = -1
        self._next_round = 0.0
        self._wake = asyncio.Event()
        # Something has waited for as much as it may: no rest now.
        self._hurry = asyncio.Event()
        self._pace = Pace()
        self._flushing = asyncio.Lock()

    @property
    def is_of_no_use(self) -> bool:
        """Whether the node has gone, and everything that it had with it."""
        return not self._symbols and self.node not in self._nodes.all()

    def retire(self) -> None:
        """Leave nothing behind: the node has gone."""
        self._delivery.forget_troubles()

    def take_in(self, writes: SymbolWrites) -> None:
        """Write this symbol from now on."""
        self._symbols[writes.symbol] = writes
        self._owing[writes.symbol] = writes
        self.is_due(writes)

    def let_go(self, symbol: str) -> None:
        """Write this symbol no more."""
        for held in (self._symbols, self._due, self._owing):
            held.pop(symbol, None)

    def is_due(self, writes: SymbolWrites) -> None:
        """Something of this symbol waits."""
        if writes.is_held_back:
            # The next round after that finds it.
            return
        self._due[writes.symbol] = writes
        self._wake.set()
        if writes.outbox.is_filling:
            self._hurry.set()

    def wake(self) -> None:
        """There is something to write."""
        self._wake.set()

    async def run(self) -> None:
        """Flush whenever something waits, and at least every half second, for ever."""
        while True:
            await _wait(self._wake, ROUND_SECONDS)
            await self._let_gather()
            await self.flush()

    async def _let_gather(self) -> None:
        """Rest while more comes than can be done, until enough waits, or something for long."""
        while self._head.load.is_behind and not self._hurry.is_set() and (rest := self._pace.rest):
            await _wait(self._hurry, min(rest, LOOK_SECONDS))

    async def drain(self) -> None:
        """Write until nothing waits, or Redis takes no more of it."""
        for writes in self._symbols.values():
            writes.try_now()
            if writes.left:
                self._due[writes.symbol] = writes
        left = -1
        while (waits := sum(each.left for each in self._due.values())) and waits != left:
            left = waits
            await self.flush()

    async def flush(self) -> None:
        """Write what waits now, and return when the node has answered."""
        async with self._flushing:
            self._wake.clear()
            self._hurry.clear()
            self._pace.begin()
            self._hand_over_moved()
            if self._head.is_leading():
                await self._flush()
                self._head.on_flushed()
            self._pace.end()

    def _hand_over_moved(self) -> None:
        if self._topology == self._nodes.topology:
            return
        self._topology = self._nodes.topology
        moved = [
            writes
            for symbol, writes in self._symbols.items()
            if self._nodes.of(book_key(symbol)) is not self.node
        ]
        for writes in moved:
            self.let_go(writes.symbol)
            self._head.on_moved(writes)

    async def _flush(self) -> None:
        is_round = monotonic() >= self._next_round
        if is_round:
            self._next_round = monotonic() + ROUND_SECONDS
        looked_at = list((self._symbols if is_round else self._due).values())
        for first in range(0, max(1, len(looked_at)), SENT_TOGETHER):
            # Either may be lost while Redis was waited for.
            if not await self._delivery.ask_time() or not self._head.is_leading():
                self._wake.set()
                return
            # What is owed goes with the first.
            more = () if first else self._owed_book_calls()
            await self._write(looked_at[first : first + SENT_TOGETHER], more, is_round=is_round)

    async def _write(
        self, looked_at: Sequence[SymbolWrites], more: Iterable[WriteCall], *, is_round: bool
    ) -> None:
        """Send what waits of these symbols, and `more`; each round, also that quiet books hold."""
        # Some may have left meanwhile.
        looked_at = [each for each in looked_at if self._symbols.get(each.symbol) is each]
        for writes in looked_at:
            self._due.pop(writes.symbol, None)
        ready = [each for each in looked_at if not each.is_held_back]
        calls = [*self._events_calls(ready), *more]
        if is_round:
            calls += self._touch_calls(ready)
        for writes in looked_at:
            state = writes.outbox.book.state(self._head.shard)
            self._head.announcements.note_state(writes.symbol, state)
        self._pace.sent(sum(call.entries for call in calls), len(calls))
        news = self._head.announcements.news_for(self.node)
        if calls or news.states or news.written:
            delivered = await self._delivery.deliver(calls, news)
            self._settle(delivered)
            self._settle_states(news, delivered)

    def _events_calls(self, looked_at: Iterable[SymbolWrites]) -> Iterator[WriteCall]:
        for writes in looked_at:
            call = writes.events_call(self._confirmed_at(writes))
            if call is not None:
                if writes.outbox.owes_book:
                    self._owing[writes.symbol] = writes
                yield call

    def _owed_book_calls(self) -> Iterator[WriteCall]:
        for symbol, writes in list(self._owing.items()):
            if not writes.outbox.owes_book:
                del self._owing[symbol]
            elif writes.is_held_back:
                continue
            elif (call := writes.owed_book_call(self._confirmed_at(writes))) is not None:
                yield call

    def _touch_calls(self, looked_at: Iterable[SymbolWrites]) -> Iterator[WriteCall]:
        for writes in looked_at:
            if writes.is_quiet and writes.outbox.book.link.last_frame_at is not None:
                call = writes.touch_call(self._confirmed_at(writes))
                if call is not None:
                    yield call

    def _confirmed_at(self, writes: SymbolWrites) -> str:
        return self._delivery.clock.text(writes.outbox.book.confirmed_at)

    def _settle(self, delivered: Delivered) -> None:
        for call in delivered.written:
            if (writes := self._concerned(call)) is not None:
                writes.carried_out(call)
                if not writes.idle:
                    # It had waited for this call.
                    self.is_due(writes)
        self._settle_not_carried_out(delivered)
        if self._nodes.of(WAKE) is not self.node:
            self._head.announcements.note_written(c.symbol for c in delivered.written if c.entries)
        # Above the newest of them is where to lead again.
        newer = [place.epoch for call, place in delivered.refused if self._is_fenced(call, place)]
        for call, place in delivered.refused:
            self._on_refused(call, place)
        if newer:
            self._head.on_fenced(max(newer))

    def _settle_not_carried_out(self, delivered: Delivered) -> None:
        for call in delivered.open_calls:
            if (writes := self._concerned(call)) is not None:
                writes.not_carried_out(call)
                self._due[writes.symbol] = writes
        for call in delivered.held_calls:
            if (writes := self._concerned(call)) is not None:
                writes.not_carried_out(call)
                writes.hold_back()

    def _settle_states(self, news: News, delivered: Delivered) -> None:
        announcements = self._head.announcements
        for symbol in delivered.open_states:
            announcements.say_again(symbol)
        if delivered.held_states:
            announcements.refuse(delivered.held_states)
        elif news.states and not delivered.open_states:
            announcements.accept()

    def _on_refused(self, call: WriteCall, place: WriteRefusal) -> None:
        writes = self._concerned(call)
        if writes is None:
            return
        # That a new epoch finds an older one's events is how a leader learns where to go on.
        level = log.info if place.epoch < call.epoch else log.warning
        if self._head.troubles.may_log(f"refusals of {call.symbol}"):
            level("write refused", symbol=call.symbol, **place._asdict())
        if place.word == "GAP":
            writes.refused(place)

    def _is_fenced(self, call: WriteCall, place: WriteRefusal) -> bool:
        return place.word == "FENCED" and self._concerned(call) is not None

    def _concerned(self, call: WriteCall) -> SymbolWrites | None:
        writes = self._symbols.get(call.symbol)
        return writes if writes is not None and writes.concerns(call) else None


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, for so long at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
