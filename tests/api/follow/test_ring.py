"""A ring returns every event from an index on, or None if some are gone."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from api.follow.event_log import WRITE_BYTES, SseEvent, render_sse, render_unnumbered_sse
from api.follow.ring import Ring
from kraken_book.position import NOWHERE, Position
from lab.waiting import async_wait_until


def event_at(seq: int, epoch: int = 1, size: int = 0) -> SseEvent:
    return SseEvent(Position(epoch, seq), f"100-{seq}", f"[{epoch}:{seq}]".encode() + b"x" * size)


def ring_of(first: int, last: int, before: int | None = None, **limits: Any) -> Ring:
    ring = Ring("BTC/USD", **limits)
    start = first - 1 if before is None else before
    ring.start(Position(1, start), f"100-{start}")
    for seq in range(first, last + 1):
        ring.append(event_at(seq))
    return ring


def all_from(ring: Ring, index: int) -> bytes:
    data = b""
    while index < ring.end:
        read = ring.read(index)
        assert read is not None
        data += read.data
        assert read.end > index
        index = read.end
    return data


def test_sse_message_has_id_and_data_only() -> None:
    assert render_sse("5-1", b'{"a":1}') == b'id: 5-1\ndata: {"a":1}\n\n'
    assert render_unnumbered_sse(b'{"a":1}') == b'data: {"a":1}\n\n'


def test_new_ring_begins_after_its_start_position() -> None:
    ring = Ring("BTC/USD")
    before = ring.is_started
    ring.start(Position(3, 7), "100-7")
    assert (before, ring.is_started) == (False, True)
    assert (ring.last.position, ring.last.id, ring.end) == (Position(3, 7), "100-7", 0)
    assert ring.index_after(Position(3, 7)) == 0


def test_index_after_position_is_the_index_of_the_next_event() -> None:
    ring = ring_of(5, 9)
    for seq in range(4, 10):
        index = ring.index_after(Position(1, seq))
        assert index is not None
        assert all_from(ring, index) == b"".join(f"[1:{n}]".encode() for n in range(seq + 1, 10))


def test_index_after_position_before_the_start_returns_none() -> None:
    assert ring_of(5, 9).index_after(Position(1, 3)) is None
    assert ring_of(5, 9).index_after(Position(0, 99)) is None


def test_positions_are_ordered_by_epoch_then_seq() -> None:
    ring = ring_of(5, 6)
    ring.append(event_at(7, epoch=2))
    index = ring.index_after(Position(1, 100))
    assert index is not None
    assert all_from(ring, index) == b"[2:7]"


def test_index_after_id_is_the_index_of_the_next_event() -> None:
    ring = ring_of(5, 9)
    assert ring.index_after_id("100-4") == 0
    index = ring.index_after_id("100-7")
    assert index is not None
    assert all_from(ring, index) == b"[1:8][1:9]"
    assert ring.index_after_id("100-9") == ring.end
    assert ring.index_after_id("100-3") is None
    assert ring.index_after_id("101-7") is None


def test_position_before_index_is_the_position_of_the_previous_event() -> None:
    ring = ring_of(5, 9)
    assert [ring.position_before(index).seq for index in range(6)] == [4, 5, 6, 7, 8, 9]


def test_read_at_the_end_is_empty() -> None:
    ring = ring_of(5, 9)
    assert ring.read(ring.end) == (b"", ring.end, NOWHERE, True)


def test_read_after_append_has_the_new_event() -> None:
    ring = ring_of(1, 1)
    assert ring.read(1) == (b"", 1, NOWHERE, True)
    ring.append(event_at(2))
    assert ring.read(1) == (b"[1:2]", 2, Position(1, 2), True)
    assert ring.read(0) == (b"[1:1][1:2]", 2, Position(1, 2), True)


def test_reads_at_one_index_share_their_bytes() -> None:
    ring = ring_of(1, 5)
    first, second = ring.read(2), ring.read(2)
    assert first is not None
    assert second is not None
    assert first.data is second.data


def test_one_write_has_at_most_64_kib() -> None:
    ring = ring_of(1, 0)
    for seq in range(1, 200):
        ring.append(event_at(seq, size=1000))
    index, reads = 0, []
    while index < ring.end:
        read = ring.read(index)
        assert read is not None
        reads.append(len(read.data))
        index = read.end
    assert max(reads) <= WRITE_BYTES == 64 * 1024
    assert min(reads[:-1]) > WRITE_BYTES - 1100, "a write that could be larger"


def test_event_larger_than_a_write_is_sent_alone() -> None:
    ring = ring_of(1, 1)
    ring.append(event_at(2, size=3 * WRITE_BYTES))
    ring.append(event_at(3))
    read = ring.read(1)
    assert read is not None
    assert (read.end, len(read.data) > WRITE_BYTES) == (2, True)


def test_ring_drops_events_beyond_twice_its_capacity() -> None:
    ring = ring_of(1, 7, capacity=4)
    assert ring.read(0) is not None
    ring.append(event_at(8))
    assert ring.read(0) is None
    assert ring.read(3) is None
    assert all_from(ring, 4) == b"[1:5][1:6][1:7][1:8]"
    assert ring.index_after(Position(1, 3)) is None
    assert ring.index_after(Position(1, 4)) == 4
    assert ring.index_after_id("100-4") == 4
    assert ring.index_after_id("100-3") is None
    assert ring.position_before(4) == Position(1, 4)
    assert ring.end == 8


def test_wake_calls_each_waker_once() -> None:
    ring = ring_of(1, 1)
    woken: list[str] = []

    def one() -> None:
        woken.append("one")

    def two() -> None:
        woken.append("two")

    ring.on_change(one)
    ring.on_change(two)
    ring.forget(two)
    ring.wake()
    ring.wake()
    assert woken == ["one"]


def test_waker_may_register_again_while_it_is_called() -> None:
    ring = ring_of(1, 1)
    calls = []

    def again() -> None:
        calls.append(1)
        ring.on_change(again)

    ring.on_change(again)
    ring.wake()
    ring.wake()
    assert len(calls) == 2


def test_waker_that_returns_true_is_called_at_each_change() -> None:
    ring = ring_of(1, 1)
    answers = [True, True, False, True]
    ring.on_change(lambda: answers.pop(0))
    for _ in range(4):
        ring.wake()
    assert answers == [True]


def test_forgotten_waker_that_returned_true_is_not_called() -> None:
    ring = ring_of(1, 1)
    calls: list[int] = []

    def stays() -> bool:
        calls.append(1)
        return True

    ring.on_change(stays)
    ring.wake()
    ring.forget(stays)
    ring.wake()
    assert calls == [1]


async def test_long_wake_lets_other_tasks_run() -> None:
    ring = ring_of(1, 1, wake_seconds=-1.0)
    done: list[str] = []
    names = ["one", "two", "three"]
    wakers = {name: partial(done.append, name) for name in names}
    for waker in wakers.values():
        ring.on_change(waker)
    ring.wake()
    (first,) = done
    asyncio.get_running_loop().call_soon(done.append, "other")
    left = [name for name in names if name != first]
    ring.forget(wakers[left[0]])
    # A second change calls those again that were called, and the others once.
    ring.on_change(wakers[first])
    ring.wake()

    async def all_were_called() -> bool:
        return done.count(first) == 2

    await async_wait_until(all_were_called, "all wakers were called")
    assert done == [first, left[1], "other", first]


@given(
    st.lists(st.sampled_from([0, 0, 0, 10, 40_000, 70_000]), max_size=40),
    st.integers(1, 6),
    st.data(),
)
@settings(deadline=None, max_examples=100)
def test_ring_equals_the_end_of_a_plain_list(
    sizes: list[int], most: int, data: st.DataObject
) -> None:
    ring = ring_of(1, 0, capacity=most)
    naive: list[SseEvent] = []
    for seq, size in enumerate(sizes, start=1):
        naive.append(event_at(seq, size=size))
        ring.append(naive[-1])
        index = data.draw(st.integers(0, len(naive)))
        read = ring.read(index)
        assert ring.end == len(naive)
        assert ring.last == naive[-1]
        if read is None:
            assert index < len(naive) - most, "an event among the last is gone"
            assert ring.index_after(Position(1, index)) is None
            continue
        joined, after, position, is_last = read
        assert is_last == (after == len(naive))
        assert position == (naive[after - 1].position if joined else NOWHERE)
        assert joined == b"".join(f.sse for f in naive[index:after])
        assert after > index or index == len(naive)
        assert len(joined) <= WRITE_BYTES or after == index + 1
        assert ring.index_after(Position(1, index)) == index
        assert ring.position_before(index) == Position(1, index)
        assert ring.index_after_id(f"100-{index}") == index
