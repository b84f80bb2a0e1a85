"""One reader's place in a log: the ring of one book, or the log of a channel.

A cursor opens with the current books. Or it resumes after an event: then it first pages through the
events between that one and the log. After that it follows the log. If the log drops events before
the cursor has sent them, the cursor sends `lagged` and opens again.

A cursor holds an index and shared data, never a copy of unsent events, so a reader that does not
read costs no more memory than others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from redis.exceptions import RedisError

from api.delivery.openers import (
    AdmitRead,
    CursorState,
    EventsGone,
    Opener,
    Step,
    admit_any_read,
    in_writes,
)
from api.follow.event_log import EventLog, Write
from api.store.errors import NoRoom, redis_away
from api.store.metrics import EVENTS_OUT, LAGGED
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE
from runtime.logs import get_logger

log = get_logger(__name__)

_events_out = EVENTS_OUT.total


class Cursor:
    """A place in a log.

    Call `open` or `resume` once, then `next` or `ready` for the next data, and `close` at the end.
    To be woken when there may be more data, register a callback with `log.on_change`.

    Args:
        log: The ring of one book, or the log of a channel.
        opener: Finds the first data of the stream, and the index in the log to continue at.
    """

    def __init__(self, log: EventLog, opener: Opener) -> None:
        self.log = log
        self.state = CursorState.OPENING
        self._opener = opener
        self._index = 0
        self._position = NOWHERE
        # The rest of the opener's last step. It is sent before anything else.
        self._writes: Iterator[list[bytes]] = iter(())
        # The events that are sent before the next opening: `lagged` and statuses.
        self._before_opening: list[bytes] = []

    def close(self) -> None:
        """Release the log, because the reader has left."""
        self._move(CursorState.CLOSED)
        self._writes = iter(())
        self._opener.close()

    async def open(self) -> bytes:
        """Begin with the current books and return the first data; raise ApiError if that fails."""
        try:
            return self._take(await self._opener.open())
        except (RedisError, OSError) as error:
            raise redis_away(error) from error

    async def resume(self, event_id: str, admit_read: AdmitRead = admit_any_read) -> bytes:
        """Continue after an event and return the first data; raise ApiError if that fails."""
        try:
            try:
                return self._take(await self._opener.resume(event_id, admit_read))
            except EventsGone as gone:
                # Begin with the current books instead, after `lagged`.
                self._miss_events(gone.reason)
                return await self._open_again()
        except (RedisError, OSError) as error:
            raise redis_away(error) from error

    async def next(self) -> bytes:
        """Return the next data, empty if there is none.

        redis.RedisError or OSError is raised if Redis does not answer; the cursor stays in place.
        """
        while True:
            data = self._next_write()
            if data:
                return data
            if self.state is CursorState.FOLLOWING:
                ready = self.ready()
                if ready is not None:
                    return ready.data
                self._miss_events(self.log.lagged_reason(self._index))
            elif self.state is CursorState.PAGING:
                data = await self._page()
                if data:
                    return data
            elif self.state is CursorState.WAITING:
                data = await self._open_again() or self._next_write()
                # If it opened without data, continue in the new state.
                if data or self.state is CursorState.WAITING:
                    return data
            elif self.state is CursorState.OPENING:
                # The whole opening has been sent.
                self._move(CursorState.FOLLOWING)
            else:
                return b""

    def ready(self) -> Write | None:
        """Return the next events of the log, possibly none; None if `next` is needed."""
        if self.state is not CursorState.FOLLOWING:
            return None
        write = self.log.read(self._index)
        if write is not None and write.data:
            _events_out.value += write.end - self._index
            self._index, self._position = write.end, write.position
        return write

    def _next_write(self) -> bytes:
        parts = next(self._writes, [])
        data = b"".join(parts)
        EVENTS_OUT.inc(len(parts))
        # The suspended generator refers to this list, and would keep its parts in memory.
        parts.clear()
        return data

    async def _page(self) -> bytes:
        try:
            return self._take(await self._opener.page())
        except EventsGone as gone:
            self._miss_events(gone.reason)
            return b""

    async def _open_again(self) -> bytes:
        """Open if there is room. Even if not, send the events that come before an opening."""
        step = Step(CursorState.WAITING)
        if self._opener.can_open:
            with suppress(NoRoom):
                step = await self._opener.open()
        first, self._before_opening = self._before_opening, []
        return self._take(step._replace(parts=chain(first, step.parts)))

    def _miss_events(self, reason: LaggedReason) -> None:
        """Wait for another opening, because events after the position are gone."""
        LAGGED.labels(reason).inc()
        self._before_opening = self._opener.miss_events(self._position, reason)
        self._move(CursorState.WAITING)

    def _take(self, step: Step) -> bytes:
        """Apply a step of the opener; return the data to send at once."""
        EVENTS_OUT.inc(step.events)
        self._position = step.position
        self._writes = in_writes(step.parts)
        if step.log_index is not None:
            self._index = step.log_index
        self._move(step.state)
        return step.data

    def _move(self, state: CursorState) -> None:
        """Change the state, and the log's count of waiting readers."""
        if state is self.state:
            return
        log.debug(
            "cursor state changed",
            symbol=self.log.symbol,
            state=state.value,
            before=self.state.value,
        )
        waiting = CursorState.WAITING
        self.log.waiting += (state is waiting) - (self.state is waiting)
        self.state = state
