"""The writer of all symbols of one node of Redis: one flush at a time, each event once.

During a flush, events gather for the next one. So writes are batched under load, and sent at once
without load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic

from collector.feed.link import FeedLoad, Link
from collector.feed.room import Room
from collector.publish.flush_pacer import FlushPacer
from collector.publish.leadership import Leadership
from collector.publish.sender import Sender, SendResult
from collector.publish.shared_keys import SharedKeys, SharedKeyUpdates
from collector.publish.symbol_writer import SymbolWriter
from collector.publish.troubles import Troubles
from collector.publish.tuning import Tuning
from kraken_book.contract.keys import book_key
from kraken_book.contract.write import WriteCall, WriteRefusal
from runtime.logs import get_logger
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes
from runtime.timed_event import TimedEvent

log = get_logger(__name__)

# While events gather, the interval at which the load of the feed is checked.
GATHER_CHECK_INTERVAL = 0.05


class NodeWriter:
    """The only writer of its node's symbols; a node that hangs delays no other node's symbols.

    A flush writes the symbols that are due. Once in each `round_interval` a flush is a round: it
    visits all symbols, and renews the ages of quiet books.

    Args:
        node: The node that is written to.
        nodes: All nodes of Redis.
        leadership: Whether this collector leads.
        load: Load of the feed, which decides whether events gather.
        room: Notified when events are taken from queues that have filled.
        shared_keys: Updates of `<venue>:symbols` and `<venue>:wake`.
        troubles: Receives the errors of Redis.
        tuning: Intervals and sizes of writes.

    Attributes:
        flushing: Held during each flush, so that symbols move to another node between flushes.
    """

    def __init__(
        self,
        node: RedisNode,
        nodes: Nodes,
        leadership: Leadership,
        load: FeedLoad,
        room: Room,
        shared_keys: SharedKeys,
        troubles: Troubles,
        tuning: Tuning,
    ) -> None:
        self.node = node
        self.flushing = asyncio.Lock()
        self._nodes = nodes
        self._leadership = leadership
        self._load = load
        self._room = room
        self._shared_keys = shared_keys
        self._troubles = troubles
        self._tuning = tuning
        self._sender = Sender(nodes, node, shared_keys, troubles, tuning)
        self._pacer = FlushPacer(tuning)
        self._symbols: dict[str, SymbolWriter] = {}
        self._due: dict[str, SymbolWriter] = {}
        # Symbols with a book in Redis that is older than the events there.
        self._owing: dict[str, SymbolWriter] = {}
        # Symbols whose queues have filled since Redis last carried out a call of them, each with
        # the steady time until which connections pause for its next call.
        self._filling: dict[str, float] = {}
        self._topology = -1
        self._next_round = 0.0
        # Set if something is to be written.
        self._work_event = TimedEvent()
        # Set if a queue is filling: then a flush begins at once.
        self._hurry = TimedEvent()

    @property
    def is_useless(self) -> bool:
        """Whether the node has gone and all its symbols have moved."""
        return not self._symbols and self.node not in self._nodes.all()

    @property
    def unwritten_due(self) -> int:
        """Number of events of due symbols that Redis has not acknowledged."""
        return sum(writer.unwritten for writer in self._due.values())

    def retire(self) -> None:
        """Drop the troubles of the node, which has gone."""
        self._sender.drop_troubles()

    def add(self, writer: SymbolWriter) -> None:
        """Start to write this symbol."""
        self._symbols[writer.symbol] = writer
        self._owing[writer.symbol] = writer
        writer.home = self
        self.schedule(writer)

    def remove(self, symbol: str) -> None:
        """Stop writing this symbol."""
        for held in (self._symbols, self._due, self._owing, self._filling):
            held.pop(symbol, None)

    def take_moved(self) -> list[SymbolWriter]:
        """Remove and return the symbols with keys that have moved to another node."""
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
        """Send the symbol's next call with the next flush, unless the symbol is held back."""
        if writer.is_held_back:
            # Redis refused a call for a lasting reason. A round after the delay sends the next one.
            return
        self._due[writer.symbol] = writer
        self._work_event.set()
        if writer.queue.is_filling:
            if writer.symbol not in self._filling:
                self._filling[writer.symbol] = monotonic() + self._tuning.max_stall
            self._hurry.set()

    def is_full(self, link: Link) -> bool:
        """Return whether a connection with this link should pause.

        It should if a queue of its books is half full, and Redis will soon have its events.
        """
        if not (self._filling and self._leadership.is_leading and self._sender.is_answering):
            return False
        now = monotonic()
        return any(
            now < until and self._is_filling(symbol, link)
            for symbol, until in self._filling.items()
        )

    def _is_filling(self, symbol: str, link: Link) -> bool:
        writer = self._symbols[symbol]
        queue = writer.queue
        return queue.book.link is link and queue.is_filling and not writer.is_held_back

    def schedule_all(self) -> None:
        """Make every symbol with unwritten events due, even if held back; the caller flushes."""
        for writer in self._symbols.values():
            writer.stop_holding_back()
            if writer.unwritten:
                self._due[writer.symbol] = writer

    def wake(self) -> None:
        """Flush soon, because a shared key has an update."""
        self._work_event.set()

    async def wait_until_due(self) -> None:
        """Wait until something is to be written, or for the interval of rounds.

        While the feed is behind, also wait until enough events have gathered.
        """
        await self._work_event.wait(self._tuning.round_interval)
        while self._load.is_behind and not self._hurry.is_set and (delay := self._pacer.rest):
            await self._hurry.wait(min(delay, GATHER_CHECK_INTERVAL))

    async def flush(self) -> int | None:
        """Write everything that is due, and return when the node has answered.

        Returns:
            The newest epoch that has fenced ours, or None.
        """
        self._work_event.clear()
        self._hurry.clear()
        self._pacer.begin()
        fenced_by = await self._write_due() if self._leadership.is_leading else None
        self._pacer.end()
        return fenced_by

    async def _write_due(self) -> int | None:
        """Write the symbols that are due, or all symbols in a round.

        Returns:
            The newest epoch that has fenced ours, or None.
        """
        is_round = monotonic() >= self._next_round
        if is_round:
            self._next_round = monotonic() + self._tuning.round_interval
        # Symbols for which connections pause come first.
        first = {symbol: self._due[symbol] for symbol in self._filling if symbol in self._due}
        rest = self._symbols if is_round else self._due | self._owing
        writers = deque((first | rest).values())
        # Send at least once: shared keys can have updates even if no symbol is due.
        while True:
            # During each wait for Redis, its clock can become unknown and the leadership can end.
            if not await self._sender.ask_time() or not self._leadership.is_leading:
                self._work_event.set()
                return None
            fenced_by = await self._write_together(writers, is_round=is_round)
            if fenced_by is not None or not writers:
                return fenced_by

    async def _write_together(self, writers: deque[SymbolWriter], *, is_round: bool) -> int | None:
        """Send the next calls of the first symbols, and handle the results.

        Args:
            writers: Symbols; the first ones, as many as one send may have, are removed.
            is_round: Whether the flush is a round.

        Returns:
            The newest epoch that has fenced ours, or None.
        """
        calls = self._take_calls(writers, is_round=is_round)
        updates = self._shared_keys.take_updates(self.node)
        if not (calls or updates.states or updates.written):
            return None
        result = await self._sender.send(calls, updates)
        self._settle_done(result.written)
        self._settle_failed(result)
        self._settle_states(updates, result)
        return self._settle_refused(result.refused)

    def _take_calls(self, writers: deque[SymbolWriter], *, is_round: bool) -> list[WriteCall]:
        """Remove the first symbols, as many as one send may have, and return their next calls."""
        calls: list[WriteCall] = []
        events = 0
        for _ in range(min(len(writers), self._tuning.max_symbols_per_send)):
            if events >= self._tuning.max_events_per_send:
                break
            writer = writers.popleft()
            if self._symbols.get(writer.symbol) is not writer:
                # The symbol was removed during a wait.
                continue
            self._due.pop(writer.symbol, None)
            call = writer.next_call(self._sender.clock, is_round=is_round)
            if call is not None:
                calls.append(call)
                events += call.entries
            self._note_owing(writer)
            self._shared_keys.note_state(writer.queue.book)
        self._pacer.add(events, len(calls))
        if self._filling:
            self._room.on_taken()
        return calls

    def _note_owing(self, writer: SymbolWriter) -> None:
        if writer.owes_book:
            self._owing[writer.symbol] = writer
        elif self._owing:
            self._owing.pop(writer.symbol, None)

    def _settle_done(self, calls: Sequence[WriteCall]) -> None:
        for call in calls:
            if (writer := self._awaiting(call)) is not None:
                writer.done(call)
                self._filling.pop(call.symbol, None)
                if not writer.is_idle:
                    # More events came during the call.
                    self.schedule(writer)
        # The send itself wakes readers if this node has the wake stream.
        if self._nodes.of(self._shared_keys.wake_key) is not self.node:
            self._shared_keys.note_written(call.symbol for call in calls if call.entries)

    def _settle_failed(self, result: SendResult) -> None:
        """Make open calls due at once, and delay held ones."""
        for call in result.open_calls:
            if (writer := self._awaiting(call)) is not None:
                writer.failed(call)
                self._due[writer.symbol] = writer
                self._prevent_pauses(writer)
        for call in result.held_calls:
            if (writer := self._awaiting(call)) is not None:
                writer.failed(call)
                writer.hold_back()
                self._prevent_pauses(writer)

    def _prevent_pauses(self, writer: SymbolWriter) -> None:
        """Let no connection pause for this symbol until Redis carries out a call of it."""
        self._filling[writer.symbol] = 0.0

    def _settle_states(self, updates: SharedKeyUpdates, result: SendResult) -> None:
        """Repeat the states that Redis did not write, refused ones after a delay."""
        for symbol in result.open_states:
            self._shared_keys.repeat(symbol)
        if result.held_states:
            self._shared_keys.hold_back(result.held_states)
        elif updates.states and not result.open_states:
            self._shared_keys.accept()

    def _settle_refused(self, refused: Sequence[tuple[WriteCall, WriteRefusal]]) -> int | None:
        """Continue symbols after the ends of their streams.

        Returns:
            The newest epoch that has fenced ours, or None. The caller then stops publishing.
        """
        fenced_by = None
        for call, refusal in refused:
            writer = self._awaiting(call)
            if writer is None:
                continue
            self._log_refusal(call, refusal)
            if refusal.word == "GAP":
                writer.refused(refusal)
            elif refusal.word == "FENCED":
                # The next epoch must be above the newest of all refusals.
                fenced_by = max(refusal.epoch, fenced_by or 0)
        return fenced_by

    def _log_refusal(self, call: WriteCall, refusal: WriteRefusal) -> None:
        if not self._troubles.may_log(f"refusals of {call.symbol}"):
            return
        if refusal.epoch < call.epoch:
            # Normal for a new leader, which learns the end of the stream from this refusal.
            log.info("stream of an older epoch found", symbol=call.symbol, **refusal._asdict())
        else:
            log.warning("write refused", symbol=call.symbol, **refusal._asdict())

    def _awaiting(self, call: WriteCall) -> SymbolWriter | None:
        """Return the symbol's writer if the result of `call` still counts for it."""
        writer = self._symbols.get(call.symbol)
        return writer if writer is not None and writer.awaits(call) else None
