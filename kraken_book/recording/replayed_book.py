"""One recorded book as a collector would publish it: its events, numbered and verified again.

This module does no I/O: `replay_target` carries out the calls that it makes.
"""

from __future__ import annotations

import msgspec

from kraken_book.book_snapshot import snapshot_of
from kraken_book.contract.book_hash import book_values, status_values
from kraken_book.contract.symbol_state import SymbolState
from kraken_book.contract.write import (
    EventEntry,
    Retention,
    WriteCall,
    WriteRefusal,
    touch_book,
    write_events,
)
from kraken_book.errors import BookInvalid
from kraken_book.event import (
    Kind,
    Lagged,
    Snapshot,
    StatusChange,
    Update,
    render_snapshot,
    render_status,
    render_update,
)
from kraken_book.position import Position
from kraken_book.recording.raised_positions import RaisedPositions
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.timestamps import rfc3339
from kraken_book.verified_book import BookState, VerifiedBook

__all__ = ["SOURCE", "ReplayedBook"]

SOURCE = "replay"


class ReplayedBook:
    """One symbol's events on their way into Redis.

    Events of the api and the recorder are not written: `lagged`, statuses without a number, and
    snapshots that only repeat the book. If events are missing before a snapshot, its `conflated` is
    their number. Epochs and seqs are those of the recording. They are raised if the stream in Redis
    is ahead of them, because the positions of a stream only rise.

    Args:
        symbol: The symbol.
        depth: The levels of each side, before the first snapshot.
        shard: The shard, for the symbol's state.
        last: The position of the last event of the stream in Redis; None if there is none.
    """

    def __init__(self, symbol: str, depth: int, shard: str, last: Position | None = None) -> None:
        self.symbol = symbol
        self._positions = RaisedPositions(last)
        self._depth = depth
        self._shard = shard
        self._verified = VerifiedBook(symbol)
        # The last status of the api or the recorder, None if it was `live`.
        self._doubt: StatusChange | None = None
        # The events that wait, by epoch.
        self._batches: list[tuple[int, list[EventEntry]]] = []
        self.waiting = 0
        """The number of events that wait."""
        self.is_written = last is not None
        """Whether events of this book were written to Redis; it may have lost them."""

    @property
    def last(self) -> Position | None:
        """The position of the last event in Redis, or of those that wait; None if there is none."""
        return self._positions.last

    @property
    def is_verified(self) -> bool:
        """Whether the book is that after the last event."""
        return self._verified.state is BookState.VERIFIED

    @property
    def is_live(self) -> bool:
        """Whether the recorder had a current book at this time."""
        return self.is_verified and self._doubt is None

    @property
    def state(self) -> SymbolState:
        """The state for `kraken:symbols`."""
        book, is_live = self._verified.book, self.is_live
        return SymbolState(
            status="live" if is_live else "syncing",
            reason=None if is_live else self._reason,
            source=SOURCE,
            shard=self._shard,
            depth=book.depth if book else self._depth,
            price_precision=book.precision.price if book else None,
            qty_precision=book.precision.qty if book else None,
        )

    def begin_pass(self, epoch_shift: int) -> None:
        """Begin the recording anew.

        Args:
            epoch_shift: The number to add to each recorded epoch.
        """
        self._verified = VerifiedBook(self.symbol)
        self._positions.begin_pass(epoch_shift)
        self._doubt = None

    def advance(self, recorded: RecordedEvent) -> bool:
        """Apply an event to the book, without writing it.

        Args:
            recorded: The next event.

        Returns:
            Whether it is a numbered event that changed the book.
        """
        event = recorded.event
        if isinstance(event, StatusChange) and recorded.position is None:
            self._doubt = None if event.status == "live" else event
            return False
        if isinstance(event, Snapshot) and event.received_at is None:
            # A new stream of the recorder began here, maybe before its last position.
            self._verified.begin()
        try:
            if not self._verified.apply(event):
                return False
        except BookInvalid:
            return False
        if isinstance(event, Lagged):
            return False
        if isinstance(event, Snapshot | Update):
            self._end_doubt()
        return True

    def add(self, recorded: RecordedEvent) -> None:
        """Apply the next event, and add it to those that wait."""
        if not self.advance(recorded):
            return
        event = recorded.event
        if isinstance(event, StatusChange):
            self._add_status(event)
        elif isinstance(event, Update):
            self._add_update(event, recorded.recorded_at)
        else:
            self.add_snapshot(recorded.recorded_at)

    def add_snapshot(self, recorded_at: int) -> None:
        """Add a snapshot of the verified book, unless its position is already written.

        Args:
            recorded_at: The time of the last event in Unix microseconds.
        """
        verified = self._verified
        if verified.book is None or verified.position is None or not self.is_verified:
            return
        position = self._positions.raised(verified.position)
        if self.last is not None and position <= self.last:
            return
        conflated = None
        if self.last is not None and position.epoch == self.last.epoch:
            conflated = position.seq - self.last.seq - 1
        view = snapshot_of(verified.book, SOURCE, verified.checksum, verified.exchange_time)
        # A snapshot without this time would be one of the api.
        received_at = verified.received_at or rfc3339(recorded_at * 1000)
        data = render_snapshot(view, position.seq, position.epoch, received_at, conflated)
        self._append("snapshot", position, data)

    def add_stop(self, at: str) -> None:
        """Add the status with which a collector ends, if the book was written.

        Args:
            at: The time, RFC 3339.
        """
        position = self._verified.position
        if position is None or not self.is_written:
            return
        # There is no last event if Redis has lost the stream and there was no snapshot after that.
        last = self.last or self._positions.raised(position)
        epoch, seq = last.epoch, last.seq + 1
        self._verified.begin()
        status = StatusChange(self.symbol, seq, epoch, "syncing", "stopped", at)
        self._doubt = status
        self._append("status", Position(epoch, seq), render_status(status))

    def restart(self, refusal: WriteRefusal, recorded_at: int) -> None:
        """Continue with a snapshot after the end of the stream, because Redis has lost events.

        Args:
            refusal: The refusal of a call.
            recorded_at: The time of the last event in Unix microseconds.
        """
        self._batches.clear()
        self.waiting = 0
        self._positions.restart(self._verified.position, refusal.seq)
        self.add_snapshot(recorded_at)

    def take_calls(self, confirmed_at: str, retention: Retention) -> list[WriteCall]:
        """Remove the events that wait, and return the calls that write them.

        Args:
            confirmed_at: Now, by Redis's clock.
            retention: The part of the stream to keep.

        Returns:
            One call for each epoch, in order.
        """
        batches, self._batches, self.waiting = self._batches, [], 0
        calls: list[WriteCall] = []
        for number, (epoch, entries) in enumerate(batches, start=1):
            # The book is the one after the last event of all.
            is_book = number == len(batches) and self._is_at_last
            calls.append(
                write_events(
                    self.symbol,
                    epoch,
                    confirmed_at,
                    retention,
                    entries,
                    self._book_values() if is_book else self._status_values(),
                    is_book=is_book,
                )
            )
        return calls

    def touch_call(self, confirmed_at: str, retention: Retention) -> WriteCall | None:
        """Return the call that confirms the book in Redis; None if it is not live.

        Args:
            confirmed_at: Now, by Redis's clock.
            retention: The part of the stream to keep.
        """
        if self.last is None or not (self.is_live and self._is_at_last):
            return None
        return touch_book(self.symbol, self.last.epoch, confirmed_at, retention, self.last.seq)

    @property
    def _is_at_last(self) -> bool:
        """Whether the verified book is that of the last event in Redis."""
        position = self._verified.position
        return (
            self.is_verified
            and position is not None
            and self._positions.raised(position) == self.last
        )

    @property
    def _reason(self) -> str | None:
        verified = self._verified
        if verified.state is BookState.INVALID:
            return verified.invalid_reason
        for change in (self._doubt, verified.collector_status):
            if change is not None:
                return change.reason
        return "lagged" if verified.state is BookState.LAGGED else None

    def _add_status(self, event: StatusChange) -> None:
        assert event.epoch is not None, "a status without a position was added"
        assert event.seq is not None
        position = self._positions.raised(Position(event.epoch, event.seq))
        last = self.last
        if last is None or position.epoch > last.epoch or position.is_right_after(last):
            raised = msgspec.structs.replace(event, epoch=position.epoch, seq=position.seq)
            self._append("status", position, render_status(raised))

    def _add_update(self, event: Update, recorded_at: int) -> None:
        book = self._verified.book
        assert book is not None, "an update was applied without a book"
        position = self._positions.raised(Position(event.epoch, event.seq))
        if self.last is None or not position.is_right_after(self.last):
            # Unless it is written already, events before it are missing in Redis.
            self.add_snapshot(recorded_at)
            return
        data = render_update(
            book,
            position.seq,
            position.epoch,
            book.levels(event.bids),
            book.levels(event.asks),
            self._verified.checksum,
            event.exchange_time,
            event.received_at or rfc3339(recorded_at * 1000),
        )
        self._append("update", position, data)

    def _append(self, kind: Kind, position: Position, data: bytes) -> None:
        if not self._batches or self._batches[-1][0] != position.epoch:
            self._batches.append((position.epoch, []))
        self._batches[-1][1].append(EventEntry(kind, position.seq, data))
        self._positions.last = position
        self.is_written = True
        self.waiting += 1

    def _end_doubt(self) -> None:
        # An api sends no `live` after a `syncing` that a snapshot ends.
        if self._doubt is not None and self._doubt.status == "syncing":
            self._doubt = None

    def _book_values(self) -> list[str | int]:
        verified = self._verified
        assert verified.book is not None, "a verified book has levels"
        view = snapshot_of(verified.book, SOURCE, verified.checksum, verified.exchange_time)
        return book_values(view, "live")

    def _status_values(self) -> list[str | int]:
        state = self.state
        status = "live" if self.is_verified else "syncing"
        return status_values(self.symbol, status, SOURCE, state.depth)
