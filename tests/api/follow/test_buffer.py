"""All logs of a process share one bound of their bytes."""

from __future__ import annotations

import gc
import weakref

import pytest

from api.follow.buffer import FLOOR_BYTES, Buffer
from api.follow.event_log import EVENT_OVERHEAD_BYTES, WRITE_BYTES, EventLog, SseEvent
from api.follow.ring import Ring
from api.store.errors import NoRoom
from kraken_book.position import Position

MOST = 1_000_000


def event_at(seq: int, size: int = 1000) -> SseEvent:
    return SseEvent(Position(1, seq), f"100-{seq}", b"x" * (size - EVENT_OVERHEAD_BYTES))


def fill(log: EventLog, count: int, size: int = 1000) -> None:
    for seq in range(count):
        log.append(event_at(seq, size))


def kept(log: EventLog) -> int:
    """Return the number of events in a log."""
    first = next(index for index in range(log.end) if log.events_from(index, 0) is not None)
    return log.end - first


def log_of(buffer: Buffer) -> EventLog:
    return EventLog(1_000_000, buffer)


def test_logs_together_never_exceed_the_buffer() -> None:
    buffer = Buffer(MOST)
    logs = [log_of(buffer) for _ in range(10)]
    for seq in range(1000):
        for log in logs:
            log.append(event_at(seq))
            assert buffer.bytes <= MOST


def test_full_buffer_shrinks_large_logs_and_keeps_small_ones() -> None:
    buffer = Buffer(MOST)
    small, large = log_of(buffer), log_of(buffer)
    fill(small, FLOOR_BYTES // 1000)
    fill(large, 5000)
    assert kept(small) == FLOOR_BYTES // 1000
    assert 500 < kept(large) < 1000


def test_full_buffer_evicts_even_floors() -> None:
    buffer = Buffer(MOST)
    logs = [log_of(buffer) for _ in range(2 * MOST // FLOOR_BYTES)]
    for seq in range(40):
        for log in logs:
            log.append(event_at(seq))
    assert buffer.is_full
    assert buffer.bytes <= MOST
    assert all(log.events_from(log.end - 1) is not None for log in logs), "the newest stays"


def test_joined_writes_count_in_the_buffer() -> None:
    buffer = Buffer(MOST)
    log = log_of(buffer)
    fill(log, 200)
    before = buffer.bytes
    for index in range(10):
        log.read(index)
    assert buffer.bytes > before + 9 * (WRITE_BYTES - 1000)
    fill(log, 1)
    assert buffer.bytes == before + 1000


def test_closed_log_frees_its_memory_at_once() -> None:
    buffer = Buffer(MOST)
    ring = Ring("BTC/USD", buffer)
    ring.start(Position(1, 0), "100-0")
    fill(ring, 50)
    ring.read(0)
    gone = weakref.ref(ring)
    gc.disable()
    try:
        ring.close()
        ring.append(event_at(51))
        assert (buffer.bytes, buffer.floors) == (0, 0)
        del ring
        assert gone() is None, "without waiting for the garbage collector"
    finally:
        gc.enable()


def test_restarted_ring_has_no_bytes_in_the_buffer() -> None:
    buffer = Buffer(MOST)
    ring = Ring("BTC/USD", buffer)
    ring.start(Position(1, 0), "100-0")
    fill(ring, 50)
    ring.restart("redis")
    assert buffer.bytes == 0


def test_ring_after_eviction_has_the_position_before_its_first_event() -> None:
    buffer = Buffer(MOST)
    ring = Ring("BTC/USD", buffer)
    ring.start(Position(1, 0), "100-0")
    for seq in range(1, 3000):
        ring.append(event_at(seq))
    assert ring.read(0) is None
    assert ring.lagged_reason(0) == "slow"
    first = next(seq for seq in range(3000) if ring.index_after(Position(1, seq)) is not None)
    index = ring.index_after(Position(1, first))
    assert index is not None
    assert ring.position_before(index) == Position(1, first)


def test_openings_take_at_most_half_of_the_buffer() -> None:
    buffer = Buffer(MOST)
    log = log_of(buffer)
    fill(log, 900)
    buffer.pin(400_000)
    assert buffer.bytes <= MOST, "the log evicts events"
    with pytest.raises(NoRoom):
        buffer.pin(200_000)
    buffer.unpin(400_000)
    # A single opening is always allowed, so that no reader waits forever.
    buffer.pin(MOST)
