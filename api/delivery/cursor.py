"""One reader's place in a log: what it is to be sent next, from its opening on.

A cursor opens its log, or resumes after an event and pages through what lies before the log; then
it follows the log. If it falls behind what the log keeps, it says so and opens again. It holds an
index and what it shares with others, never a copy of what it is still to be sent: a reader that
takes nothing must not cost more than one that does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from redis.exceptions import RedisError

from api.delivery.openers import CursorState, EventsGone, Opener, Step, in_writes
from api.follow.event_log import EventLog
from api.store.errors import NoRoom, redis_away
from api.store.metrics import EVENTS_OUT, LAGGED
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE
from runtime.logs import get_logger

log = get_logger(__name__)


class Cursor:
    """A place in the log of one book or of many.

    Call `open` or `resume` once, then `next` or `ready` for what is to be sent, and `close` at the
    end. `log` says when there may be more.
    """

    def __init__(self, log: EventLog, opener: Opener) -> None:
        self.log = log
        self.state = CursorState.OPENING
        self._opener = opener
        self._index = 0
        self._position = NOWHERE
        # Writes that are sent before what the state asks for.
        self._writes: Iterator[list[bytes]] = iter(())
        # Sent before the next opening.
        self._words: list[bytes] = []

    def close(self) -> None:
        """Note that the reader has gone."""
        self._move(CursorState.CLOSED)
        self._writes = iter(())
        self._opener.close()

    async def open(self) -> bytes:
        """Begin with the books as they are; return what is to be sent first. Raise ApiError."""
        try:
            return self._take(await self._opener.open())
        except (RedisError, OSError) as error:
            raise redis_away(error) from error

    async def resume(self, event_id: str) -> bytes:
        """Go on after an event; return what is to be sent first. Raise ApiError."""
        try:
            try:
                return self._take(await self._opener.resume(event_id))
            except EventsGone as gone:
                self._fall_off(gone.reason)
                return await self._open_again()
        except (RedisError, OSError) as error:
            raise redis_away(error) from error

    async def next(self) -> bytes:
        """Return what is to be sent, empty if there is nothing.

        Raise redis.RedisError or OSError; the cursor stays where it was then.
        """
        while True:
            data = self._next_write()
            if data:
                return data
            if self.state is CursorState.FOLLOWING:
                ready = self.ready()
                if ready is not None:
                    return ready
                self._fall_off(self.log.reason_to_fall(self._index))
            elif self.state is CursorState.PAGING:
                data = await self._page()
                if data:
                    return data
            elif self.state is CursorState.WAITING:
                data = await self._open_again() or self._next_write()
                if data or self.state is CursorState.WAITING:
                    return data
            elif self.state is CursorState.OPENING:
                # Everything that the log was opened with has been sent.
                self._move(CursorState.FOLLOWING)
            else:
                return b""

    def ready(self) -> bytes | None:
        """Return what the log has to be sent; None if only `next` can tell."""
        if self.state is not CursorState.FOLLOWING:
            return None
        write = self.log.read(self._index)
        if write is None:
            return None
        data, end, position = write
        if data:
            EVENTS_OUT.inc(end - self._index)
            self._index, self._position = end, position
        return data

    def _next_write(self) -> bytes:
        parts = next(self._writes, [])
        data = b"".join(parts)
        EVENTS_OUT.inc(len(parts))
        # The suspended generator would hold them as long as the socket is full.
        parts.clear()
        return data

    async def _page(self) -> bytes:
        try:
            return self._take(await self._opener.page())
        except EventsGone as gone:
            self._fall_off(gone.reason)
            return b""

    async def _open_again(self) -> bytes:
        """Open if that is possible; send what was missed in any case."""
        step = Step(CursorState.WAITING)
        if self._opener.can_open:
            with suppress(NoRoom):
                step = await self._opener.open()
        words, self._words = self._words, []
        return self._take(step._replace(parts=chain(words, step.parts)))

    def _fall_off(self, reason: LaggedReason) -> None:
        LAGGED.labels(reason).inc()
        self._words = self._opener.fall_off(self._position, reason)
        self._move(CursorState.WAITING)

    def _take(self, step: Step) -> bytes:
        """Go on as an opener says; return what is to be sent at once."""
        EVENTS_OUT.inc(step.events)
        self._position = step.position
        self._writes = in_writes(step.parts)
        if step.log_index is not None:
            self._index = step.log_index
        self._move(step.state)
        return step.data

    def _move(self, state: CursorState) -> None:
        """Change the state; the log counts the readers that wait."""
        if state is self.state:
            return
        log.debug(
            "cursor moved", symbol=self.log.symbol, state=state.value, before=self.state.value
        )
        waiting = CursorState.WAITING
        self.log.waiting += (state is waiting) - (self.state is waiting)
        self.state = state
