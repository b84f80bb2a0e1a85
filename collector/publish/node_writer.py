"""Writes the symbols whose keys one node of Redis has: one flush at a time, each event once.

While a flush is under way, events gather for the next one. So writes batch by themselves under load
and go out at once without it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from time import monotonic

from collector.feed.link import FeedLoad
from collector.publish.flush_pacer import FlushPacer
from collector.publish.leadership import Leadership
from collector.publish.sender import Sender, SendResult
from collector.publish.shared_keys import SharedKeys, SharedKeyUpdates
from collector.publish.symbol_writer import SymbolWriter
from collector.publish.troubles import Troubles
from collector.publish.tuning import Tuning
from kraken_book.contract.keys import WAKE, book_key
from kraken_book.contract.write import WriteCall, WriteRefusal
from runtime.logs import get_logger
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# While events gather: the interval at which it is checked whether they still have to.
GATHER_CHECK_INTERVAL = 0.05


class NodeWriter:
    """The one writer of its symbols; a node that does not answer delays these and no others.

    Whoever flushes holds `flushing`, so that a symbol moves to another node between flushes only.
    """

    def __init__(
        self,
        node: RedisNode,
        nodes: Nodes,
        leadership: Leadership,
        load: FeedLoad,
        shared_keys: SharedKeys,
        troubles: Troubles,
        tuning: Tuning,
    ) -> None:
        self.node = node
        self.flushing = asyncio.Lock()
        self._nodes = nodes
        self._leadership = leadership
        self._load = load
        self._shared_keys = shared_keys
        self._troubles = troubles
        self._tuning = tuning
        self._sender = Sender(nodes, node, troubles, tuning)
        self._pacer = FlushPacer(tuning)
        self._symbols: dict[str, SymbolWriter] = {}
        self._due: dict[str, SymbolWriter] = {}
        # Symbols at great depth whose events have gone on from the book in Redis.
        self._owing: dict[str, SymbolWriter] = {}
        self._topology = -1
        self._next_round = 0.0
        self._wake = asyncio.Event()
        # Set if something has waited for as long as it may: nothing gathers any more.
        self._hurry = asyncio.Event()

    @property
    def is_useless(self) -> bool:
        """Whether the node has gone, and every symbol that it had."""
        return not self._symbols and self.node not in self._nodes.all()

    @property
    def unwritten_due(self) -> int:
        """How many events of the symbols that are due Redis is not known to have yet."""
        return sum(writer.unwritten for writer in self._due.values())

    def retire(self) -> None:
        """Forget the troubles of the node, which has gone."""
        self._sender.forget_troubles()

    def add(self, writer: SymbolWriter) -> None:
        """Write this symbol from now on."""
        self._symbols[writer.symbol] = writer
        self._owing[writer.symbol] = writer
        writer.home = self
        self.schedule(writer)

    def remove(self, symbol: str) -> None:
        """Stop writing this symbol."""
        for held in (self._symbols, self._due, self._owing):
            held.pop(symbol, None)

    def take_moved(self) -> list[SymbolWriter]:
        """Remove and return the symbols whose keys another node has now."""
        if self._topology == self._nodes.topology:
            return []
        self._topology = self._nodes.topology
        moved = [
            writer
            for symbol, writer in self._symbols.items()
            if self._nodes.of(book_key(symbol)) is not self.node
        ]
        for writer in moved:
            self.remove(writer.symbol)
        return moved

    def schedule(self, writer: SymbolWriter) -> None:
        """Have the symbol's next call sent with the next flush, unless it is held back."""
        if writer.is_held_back:
            # The first round after that finds it.
            return
        self._due[writer.symbol] = writer
        self._wake.set()
        if writer.queue.is_filling:
            self._hurry.set()

    def schedule_all(self) -> None:
        """Schedule whatever is not written yet, even if it is held back."""
        for writer in self._symbols.values():
            writer.stop_holding_back()
            if writer.unwritten:
                self._due[writer.symbol] = writer

    def wake(self) -> None:
        """Flush soon: there is something to write."""
        self._wake.set()

    async def wait_until_due(self) -> None:
        """Wait until something is to be written, or a round begins.

        While the feed is behind, also wait until enough has gathered, or some of it for long.
        """
        await _wait(self._wake, self._tuning.round_interval)
        while self._load.is_behind and not self._hurry.is_set() and (rest := self._pacer.rest):
            await _wait(self._hurry, min(rest, GATHER_CHECK_INTERVAL))

    async def flush(self) -> int | None:
        """Write what waits, and return when the node has answered.

        Returns:
            The newest epoch that has fenced ours, if any has.
        """
        self._wake.clear()
        self._hurry.clear()
        self._pacer.begin()
        fenced_by = await self._write_due() if self._leadership.is_leading else None
        self._pacer.end()
        return fenced_by

    async def _write_due(self) -> int | None:
        """Write what is due, at a round every symbol, in parts; return what `flush` returns."""
        is_round = monotonic() >= self._next_round
        if is_round:
            self._next_round = monotonic() + self._tuning.round_interval
        writers = list((self._symbols if is_round else self._due | self._owing).values())
        size = self._tuning.max_symbols_per_send
        for first in range(0, max(1, len(writers)), size):
            # Either may be lost while Redis was waited for.
            if not await self._sender.ask_time() or not self._leadership.is_leading:
                self._wake.set()
                return None
            fenced_by = await self._write_together(writers[first : first + size], is_round=is_round)
            if fenced_by is not None:
                return fenced_by
        return None

    async def _write_together(
        self, writers: Iterable[SymbolWriter], *, is_round: bool
    ) -> int | None:
        """Send the next call of each of these symbols, and settle what became of it."""
        calls: list[WriteCall] = []
        for writer in writers:
            if self._symbols.get(writer.symbol) is not writer:
                # It has left meanwhile.
                continue
            self._due.pop(writer.symbol, None)
            call = writer.next_call(self._sender.clock, is_round=is_round)
            if call is not None:
                calls.append(call)
            self._note_owing(writer)
            self._shared_keys.note_state(writer.queue.book)
        self._pacer.add(sum(call.entries for call in calls), len(calls))
        updates = self._shared_keys.take_updates(self.node)
        if not (calls or updates.states or updates.written):
            return None
        result = await self._sender.send(calls, updates)
        self._settle_done(result.written)
        self._settle_failed(result)
        self._settle_states(updates, result)
        return self._settle_refused(result.refused)

    def _note_owing(self, writer: SymbolWriter) -> None:
        if writer.owes_book:
            self._owing[writer.symbol] = writer
        elif self._owing:
            self._owing.pop(writer.symbol, None)

    def _settle_done(self, calls: Sequence[WriteCall]) -> None:
        for call in calls:
            if (writer := self._awaiting(call)) is not None:
                writer.done(call)
                if not writer.is_idle:
                    # It had waited for this call.
                    self.schedule(writer)
        if self._nodes.of(WAKE) is not self.node:
            self._shared_keys.note_written(call.symbol for call in calls if call.entries)

    def _settle_failed(self, result: SendResult) -> None:
        for call in result.open_calls:
            if (writer := self._awaiting(call)) is not None:
                writer.failed(call)
                self._due[writer.symbol] = writer
        for call in result.held_calls:
            if (writer := self._awaiting(call)) is not None:
                writer.failed(call)
                writer.hold_back()

    def _settle_states(self, updates: SharedKeyUpdates, result: SendResult) -> None:
        for symbol in result.open_states:
            self._shared_keys.repeat(symbol)
        if result.held_states:
            self._shared_keys.hold_back(result.held_states)
        elif updates.states and not result.open_states:
            self._shared_keys.accept()

    def _settle_refused(self, refused: Sequence[tuple[WriteCall, WriteRefusal]]) -> int | None:
        """Have symbols go on from where Redis stands; return the newest epoch that fenced ours."""
        fenced_by = None
        for call, place in refused:
            writer = self._awaiting(call)
            if writer is None:
                continue
            # A new epoch finds an older one's events: that is how a leader learns where to go on.
            level = log.info if place.epoch < call.epoch else log.warning
            if self._troubles.may_log(f"refusals of {call.symbol}"):
                level("write refused", symbol=call.symbol, **place._asdict())
            if place.word == "GAP":
                writer.refused(place)
            elif place.word == "FENCED":
                # To lead again takes an epoch above the newest of them.
                fenced_by = max(place.epoch, fenced_by or 0)
        return fenced_by

    def _awaiting(self, call: WriteCall) -> SymbolWriter | None:
        writer = self._symbols.get(call.symbol)
        return writer if writer is not None and writer.awaits(call) else None


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, for this many seconds at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
