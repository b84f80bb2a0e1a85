"""The states of a cursor, with a scripted opener."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from api.delivery.cursor import Cursor
from api.delivery.openers import AdmitRead, CursorState, EventsGone, Step
from api.follow.event_log import WRITE_BYTES, EventLog, SseEvent
from api.store.errors import NoRoom, RedisAway
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE, Position

OPENING, WAITING, PAGING, FOLLOWING, CLOSED = CursorState
Answer = Step | Exception


class ScriptedOpener:
    """Returns the next of its steps; raises it if it is an exception."""

    def __init__(self, *steps: Answer) -> None:
        self.steps = list(steps)
        self.can_open = True
        self.fallen: list[tuple[Position, LaggedReason]] = []
        self.closed = 0

    def _next(self) -> Step:
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def open(self) -> Step:
        return self._next()

    async def resume(self, _event_id: str, _admit_read: AdmitRead) -> Step:
        return self._next()

    async def page(self) -> Step:
        return self._next()

    def miss_events(self, position: Position, reason: LaggedReason) -> list[bytes]:
        self.fallen.append((position, reason))
        return [b"lagged "]

    def close(self) -> None:
        self.closed += 1


class Log(EventLog):
    symbol = "BTC/USD"


def log_of(*seqs: int) -> EventLog:
    log = Log(capacity=4)
    for seq in seqs:
        log.append(SseEvent(Position(1, seq), f"1-{seq}", b"[%d]" % seq))
    return log


async def following(log: EventLog, *steps: Answer, at: int = 0) -> tuple[Cursor, ScriptedOpener]:
    opener = ScriptedOpener(
        Step(FOLLOWING, b"book ", 1, log_index=at, position=Position(1, 0)), *steps
    )
    cursor = Cursor(log, opener)
    assert await cursor.open() == b"book "
    return cursor, opener


async def test_opened_cursor_follows_its_log() -> None:
    log = log_of(1, 2)
    cursor, _ = await following(log)
    assert cursor.state is FOLLOWING
    assert await cursor.next() == b"[1][2]"
    ready = cursor.ready()
    assert ready is not None
    assert ready.data == b""
    assert await cursor.next() == b""


async def test_opening_is_sent_in_several_writes_before_the_log() -> None:
    part = b"x" * (WRITE_BYTES // 2)
    opener = ScriptedOpener(Step(OPENING, parts=[part] * 5, log_index=1))
    cursor = Cursor(log_of(1, 2), opener)
    assert await cursor.open() == b""
    writes = []
    while cursor.ready() is None:
        writes.append(await cursor.next())
    assert [len(write) for write in writes] == [WRITE_BYTES, WRITE_BYTES, len(part), 3]
    assert (writes[-1], cursor.state) == (b"[2]", FOLLOWING)


async def test_cursor_pages_until_it_reaches_the_log() -> None:
    opener = ScriptedOpener(
        Step(PAGING, parts=[b"word "], log_index=1),
        Step(PAGING, b"page ", 1, position=Position(1, 1)),
        Step(PAGING),
        Step(FOLLOWING),
    )
    cursor = Cursor(log_of(1, 2), opener)
    assert await cursor.resume("1-0") == b""
    assert (cursor.state, cursor.ready()) == (PAGING, None)
    assert [await cursor.next() for _ in range(3)] == [b"word ", b"page ", b"[2]"]
    assert cursor.state is FOLLOWING


async def test_cursor_behind_its_log_reports_its_position_and_opens_again() -> None:
    log = log_of(1, 2)
    cursor, opener = await following(log)
    assert await cursor.next() == b"[1][2]"
    for seq in range(3, 20):
        log.append(SseEvent(Position(1, seq), f"1-{seq}", b"[%d]" % seq))
    opener.steps.append(Step(FOLLOWING, b"book ", 1, log_index=log.end))
    assert cursor.ready() is None
    assert await cursor.next() == b"book "
    assert opener.fallen == [(Position(1, 2), "slow")]
    assert cursor.state is FOLLOWING


async def test_resume_after_missing_events_opens_again() -> None:
    opened = Step(FOLLOWING, b"book ", 1, log_index=0)
    opener = ScriptedOpener(EventsGone("unknown"), opened)
    cursor = Cursor(log_of(), opener)
    assert await cursor.resume("1-5") == b"book "
    assert opener.fallen == [(NOWHERE, "unknown")]


async def test_missing_page_reports_last_position_and_opens_again() -> None:
    opener = ScriptedOpener(
        Step(PAGING, position=Position(1, 3)),
        EventsGone("trimmed"),
        Step(OPENING, parts=[b"book "], log_index=0),
    )
    cursor = Cursor(log_of(), opener)
    await cursor.resume("1-3")
    assert await cursor.next() == b"lagged book "
    assert opener.fallen == [(Position(1, 3), "trimmed")]


@pytest.mark.parametrize("has_room", [True, False])
async def test_cursor_without_room_sends_lagged_and_waits(*, has_room: bool) -> None:
    opener = ScriptedOpener(EventsGone("slow"))
    if has_room:
        # There seems to be room, but the opening finds none.
        opener.steps.append(NoRoom())
    opener.can_open = has_room
    log = log_of()
    cursor = Cursor(log, opener)
    assert await cursor.resume("1") == b""
    assert (cursor.state, log.waiting) == (WAITING, 1)
    opener.can_open = False
    assert [await cursor.next() for _ in range(2)] == [b"lagged ", b""]
    opener.can_open = True
    opener.steps.append(Step(OPENING, parts=[b"book "], log_index=0))
    assert await cursor.next() == b"book "
    assert await cursor.next() == b""
    assert (cursor.state, log.waiting) == (FOLLOWING, 0)


async def test_cursor_without_book_waits_for_one() -> None:
    opener = ScriptedOpener(Step(WAITING, b"syncing "), Step(WAITING), Step(FOLLOWING, b"book ", 1))
    cursor = Cursor(log_of(), opener)
    assert await cursor.open() == b"syncing "
    assert (await cursor.next(), cursor.state) == (b"", WAITING)
    assert (await cursor.next(), cursor.state) == (b"book ", FOLLOWING)


@pytest.mark.parametrize("begin", [Cursor.open, lambda cursor: cursor.resume("1-1")])
async def test_first_call_without_redis_raises_redis_away(
    begin: Callable[[Cursor], object],
) -> None:
    cursor = Cursor(log_of(), ScriptedOpener(RedisConnectionError("gone")))
    with pytest.raises(RedisAway):
        await begin(cursor)  # type: ignore[misc]


async def test_page_without_redis_keeps_cursor_in_place() -> None:
    steps = Step(PAGING), RedisConnectionError("gone"), Step(FOLLOWING, log_index=0)
    cursor = Cursor(log_of(1), ScriptedOpener(*steps))
    await cursor.resume("1-0")
    with pytest.raises(RedisConnectionError):
        await cursor.next()
    assert cursor.state is PAGING
    assert await cursor.next() == b"[1]"


async def test_first_open_without_room_raises_no_room() -> None:
    with pytest.raises(NoRoom):
        await Cursor(log_of(), ScriptedOpener(NoRoom())).open()


async def test_close_ends_wait_and_closes_opener() -> None:
    log = log_of()
    opener = ScriptedOpener(Step(WAITING))
    cursor = Cursor(log, opener)
    await cursor.open()
    cursor.close()
    assert (cursor.state, log.waiting, opener.closed) == (CLOSED, 0, 1)
    assert (cursor.ready(), await cursor.next()) == (None, b"")


async def test_page_is_sent_in_bounded_writes_before_the_next_page() -> None:
    large = b"x" * (WRITE_BYTES - 1)
    opener = ScriptedOpener(
        Step(PAGING, log_index=0),
        Step(PAGING, parts=iter([b"lagged ", large])),
        Step(PAGING, b"page", 1),
        Step(FOLLOWING),
    )
    cursor = Cursor(log_of(1), opener)
    assert await cursor.resume("1-0") == b""
    assert [await cursor.next() for _ in range(4)] == [b"lagged ", large, b"page", b"[1]"]
    assert cursor.state is FOLLOWING
