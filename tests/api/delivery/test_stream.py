"""An open stream writes events at once and in order, unless its socket is full."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from prometheus_client import REGISTRY
from starlette.types import Message

from api.delivery.stream import Stream, StreamState
from api.delivery.stream_socket import Socket
from api.follow.event_log import SseEvent, Write
from api.follow.ring import Ring
from kraken_book.position import Position
from lab.waiting import async_wait_until
from runtime.service import end_tasks


class Wire:
    """A transport that keeps the data written to it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.parts.append(data)

    @property
    def body(self) -> bytes:
        """Return the body after decoding its chunks."""
        rest, body = b"".join(self.parts), b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            body, end, rest = body + rest[:length], rest[length : length + 2], rest[length + 2 :]
            assert end == b"\r\n"
        return body

    @property
    def events(self) -> list[int]:
        return [int(seq) for seq in re.findall(rb"\[(\d+)\]", self.body)]


class RingReader:
    """A place in a ring; while `asks_redis` is set, only `next` returns data."""

    def __init__(self, ring: Ring) -> None:
        self.log = ring
        self.asks_redis = False
        self._index = ring.end

    async def next(self) -> bytes:
        await asyncio.sleep(0)
        self.asks_redis = False
        ready = self.ready()
        return b"" if ready is None else ready.data

    def ready(self) -> Write | None:
        if self.asks_redis:
            return None
        write = self.log.read(self._index)
        assert write is not None
        self._index = write.end
        return write


class Opened:
    """A running stream with its transport and reader."""

    def __init__(self, ring: Ring) -> None:
        self.wire = Wire()
        self.socket = Socket(cast("asyncio.Transport", self.wire))
        self.reader = RingReader(ring)
        self.sent: list[Message] = []
        self.stream = Stream(self.reader, self.socket, self._send)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    async def waits(self) -> bool:
        return self.stream.state is StreamState.WAITING


@asynccontextmanager
async def opened(ring: Ring) -> AsyncIterator[Opened]:
    found = Opened(ring)
    running = asyncio.create_task(found.stream.run(b"", []))
    try:
        await async_wait_until(found.waits, "a stream that waits for events")
        yield found
    finally:
        await end_tasks([running])


def ring_at(seq: int) -> Ring:
    ring = Ring("BTC/USD")
    ring.start(Position(1, seq), f"1-{seq}")
    return ring


def append_and_wake(ring: Ring, *seqs: int) -> None:
    for seq in seqs:
        ring.append(SseEvent(Position(1, seq), f"1-{seq}", b"[%d]" % seq))
    ring.wake()


async def test_event_is_written_as_soon_as_the_ring_has_it() -> None:
    ring = ring_at(1)
    async with opened(ring) as one:
        append_and_wake(ring, 2, 3)
        # No other task has run in between.
        assert one.wire.events == [2, 3]
        append_and_wake(ring, 4)
        assert one.wire.events == [2, 3, 4]


async def test_stream_head_leaves_chunks_to_the_protocol() -> None:
    async with opened(ring_at(1)) as one:
        (head,) = one.sent
        assert not {b"transfer-encoding", b"content-length"} & dict(head["headers"]).keys()
        assert one.wire.body == b": kraken-book\n\n"


async def test_client_without_chunks_gets_plain_bytes() -> None:
    ring = ring_at(1)
    async with opened(ring) as one:
        one.socket.is_chunked = False
        append_and_wake(ring, 2)
        assert one.wire.parts[-1] == b"[2]"


async def test_half_closed_client_is_probed_once() -> None:
    async with opened(ring_at(1)) as one:
        one.socket.half_close()

        async def probed() -> bool:
            return one.wire.body == b": kraken-book\n\n: \n\n"

        await async_wait_until(probed, "a comment")
        for _ in range(20):
            one.socket.half_close()
            await asyncio.sleep(0)
        assert await probed()


async def test_readers_at_one_index_share_their_bytes() -> None:
    ring = ring_at(1)
    async with opened(ring) as one, opened(ring) as other:
        append_and_wake(ring, 2)
        assert one.wire.parts[-1] is other.wire.parts[-1]


async def test_full_socket_gets_all_events_when_it_can_take_more() -> None:
    ring = ring_at(1)
    async with opened(ring) as one:
        one.socket.fill(is_full=True)
        append_and_wake(ring, 2)
        await async_wait_until(lambda: one.stream.state is StreamState.BLOCKED, "it is blocked")
        for seq in (3, 4):
            # However often its task runs.
            for _ in range(20):
                await asyncio.sleep(0)
            append_and_wake(ring, seq)
        assert one.wire.events == []
        one.socket.fill(is_full=False)

        async def has_all() -> bool:
            return one.wire.events == [2, 3, 4]

        await async_wait_until(has_all, "all events")


def delivered() -> float:
    """Return how many writes were measured."""
    return REGISTRY.get_sample_value("kraken_book_delivery_seconds_count") or 0.0


async def test_write_to_a_slow_reader_is_not_measured() -> None:
    ring, data = ring_at(1), b'[%d] {"received_at":"2026-11-28T00:00:00.000000Z"}'
    async with opened(ring) as one:

        def add(seq: int) -> None:
            ring.append(SseEvent(Position(1, seq), f"1-{seq}", data % seq))
            ring.wake()

        before = delivered()
        one.stream.measure()
        one.socket.fill(is_full=True)
        add(2)
        await async_wait_until(lambda: one.stream.state is StreamState.BLOCKED, "it is blocked")
        one.stream.measure()
        one.socket.fill(is_full=False)
        await async_wait_until(one.waits, "it has caught up")
        assert (one.wire.events, delivered()) == ([2], before)
        one.stream.measure()
        add(3)
        await async_wait_until(lambda: delivered() == before + 1, "the next write is measured")
        assert one.wire.events == [2, 3]


async def test_event_that_must_be_read_from_redis_is_written() -> None:
    ring = ring_at(1)
    async with opened(ring) as one:
        one.reader.asks_redis = True
        append_and_wake(ring, 2)
        assert one.wire.events == []

        async def has_it() -> bool:
            return one.wire.events == [2]

        await async_wait_until(has_it, "the event from Redis")
        append_and_wake(ring, 3)
        assert one.wire.events == [2, 3]


async def test_ended_stream_writes_nothing() -> None:
    ring = ring_at(1)
    async with opened(ring) as one:
        pass
    assert one.stream.state is StreamState.ENDED
    written = list(one.wire.parts)
    append_and_wake(ring, 2)
    assert one.wire.parts == written


async def test_end_sends_farewell_and_is_final() -> None:
    ring = ring_at(1)
    async with opened(ring) as one:
        one.stream.end()
        assert one.stream.state is StreamState.ENDING
        append_and_wake(ring, 2)
        await async_wait_until(lambda: one.stream.state is StreamState.ENDED, "it has ended")
        assert re.fullmatch(rb": kraken-book\n\nretry: \d+\n: closing\n\n", one.wire.body)
        assert one.sent[-1]["more_body"] is False


async def test_end_while_the_socket_is_full_sends_farewell() -> None:
    ring = ring_at(1)
    async with opened(ring) as one:
        one.socket.fill(is_full=True)
        append_and_wake(ring, 2)
        await async_wait_until(lambda: one.stream.state is StreamState.BLOCKED, "it is blocked")
        one.stream.end()
        await async_wait_until(lambda: one.stream.state is StreamState.ENDED, "it has ended")
        assert b"retry: " in one.wire.body


async def test_lost_connection_ends_stream_without_farewell() -> None:
    ring = ring_at(1)
    async with opened(ring) as one:
        one.socket.lost()
        assert one.stream.state is StreamState.ENDED
        one.stream.end()
        assert one.stream.state is StreamState.ENDED
        assert one.wire.body == b": kraken-book\n\n"
