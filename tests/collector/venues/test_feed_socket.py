"""The websocket of a connection, which returns messages in batches, and ends floods."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.utils import accept_key

from collector.venues.feed_socket import (
    MAX_FRAMES_PER_ITERATION,
    MAX_MESSAGE_BYTES,
    MAX_PARTS,
    MAX_WAITING,
    NOT_CONNECTED,
    FeedFlooded,
    FeedSocket,
    open_feed_socket,
)
from lab.ports import InvalidPort
from lab.waiting import async_wait_until

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def socket_to(handler: Handler) -> AsyncIterator[FeedSocket]:
    """Connect to a server with this handler."""
    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}"
        async with connect(url, create_connection=FeedSocket, compression=None) as socket:
            assert isinstance(socket, FeedSocket)
            yield socket


async def batches_of(socket: FeedSocket) -> list[list[bytes]]:
    """Return all batches until the connection ends."""
    batches = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            batches.append((await socket.next_batch()).messages)
            # Yield to other tasks, as the collector does.
            await asyncio.sleep(0)
    return batches


async def all_of(socket: FeedSocket) -> list[bytes]:
    """Return all messages until the connection ends."""
    return [message for batch in await batches_of(socket) for message in batch]


async def test_messages_are_returned_in_order_up_to_the_close() -> None:
    async def sends(websocket: ServerConnection) -> None:
        for number in range(1000):
            await websocket.send(str(number))

    async with socket_to(sends) as socket:
        assert await all_of(socket) == [str(number).encode() for number in range(1000)]


async def test_batch_has_one_time_of_reading() -> None:
    async def sends(websocket: ServerConnection) -> None:
        await websocket.send("first")
        await websocket.send("second")
        await websocket.wait_closed()

    async with socket_to(sends) as socket:
        reads = []
        messages: list[bytes] = []
        while len(messages) < 2:
            batch = await socket.next_batch()
            reads.append(batch.read_at)
            messages += batch.messages
        assert messages == [b"first", b"second"]
        assert reads == sorted(set(reads))


async def test_fragmented_message_is_returned_whole_and_in_order() -> None:
    async def sends(websocket: ServerConnection) -> None:
        await websocket.send("before")
        await websocket.send(iter(["in ", "three ", "frames"]))
        await websocket.ping()
        await websocket.send("after")

    async with socket_to(sends) as socket:
        assert await all_of(socket) == [b"before", b"in three frames", b"after"]


async def test_closed_socket_raises_with_the_code_and_reason_of_the_close() -> None:
    async def leaves(websocket: ServerConnection) -> None:
        await websocket.close(1012, "restarting")

    async with socket_to(leaves) as socket:
        with pytest.raises(ConnectionClosed, match=r"1012.*restarting"):
            await socket.next_batch()


async def test_socket_that_is_not_read_stops_the_sender_and_loses_no_message() -> None:
    size, count = 1024, 20_000
    sent = 0

    async def sends(websocket: ServerConnection) -> None:
        nonlocal sent
        for number in range(count):
            await websocket.send(str(number).ljust(size))
            sent += 1

    async with socket_to(sends) as socket:
        seen = [0]

        def stands_still() -> bool:
            seen.append(sent)
            return len(seen) > 20 and seen[-20] == sent > 0

        await async_wait_until(stands_still)
        batches = await batches_of(socket)
        numbers = [int(message) for batch in batches for message in batch]
        assert numbers == list(range(count))
        # One read of 256 kB can exceed the limit.
        assert max(map(len, batches)) <= MAX_WAITING + 256 * 1024 // size


Cut = Callable[[bytes], list[bytes]]
Talk = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def socket_to_raw(talk: Talk) -> AsyncIterator[FeedSocket]:
    """Connect to a server that calls `talk` with the answer to the handshake."""

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = re.search(r"Sec-WebSocket-Key: (\S+)", asked, re.IGNORECASE)
        assert key
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key[1])}\r\n\r\n"
        ).encode()
        await talk(head, writer)
        writer.write_eof()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(
            url, create_connection=FeedSocket, compression=None, max_size=MAX_MESSAGE_BYTES
        ) as socket:
            assert isinstance(socket, FeedSocket)
            yield socket


async def write_each(writer: asyncio.StreamWriter, parts: Iterable[bytes]) -> None:
    """Write parts so that each is read alone."""
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.001)


@asynccontextmanager
async def socket_to_bytes(stream: bytes, cut: Cut) -> AsyncIterator[FeedSocket]:
    """Connect to a server that writes its answer and `stream` in the parts that `cut` returns."""

    async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
        await write_each(writer, cut(head + stream))

    async with socket_to_raw(talk) as socket:
        yield socket


def framed(message: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, message, fin).serialize(mask=False)


def at_random(chance: random.Random) -> Cut:
    def cut(data: bytes) -> list[bytes]:
        parts = []
        while data:
            size = chance.choice([1, 2, 3, 7, 100, 5_000, 200_000])
            parts.append(data[:size])
            data = data[size:]
        return parts

    return cut


# Lengths in the second byte, in two more bytes, and in eight.
SIZES = [0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 70_000]


@pytest.mark.parametrize("seed", range(8))
async def test_messages_are_whole_however_their_bytes_arrive(seed: int) -> None:
    chance = random.Random(seed)
    messages, stream = [], b""
    for number in range(40):
        message = str(number).encode().ljust(chance.choice(SIZES), b".")
        messages.append(message)
        kind = chance.choice([Opcode.TEXT, Opcode.BINARY])
        if chance.random() < 0.3:
            middle = chance.randint(0, len(message))
            stream += framed(message[:middle], kind, fin=False)
            stream += framed(b"", Opcode.PING) * chance.randint(0, 2)
            stream += framed(message[middle:], Opcode.CONT)
        else:
            stream += framed(message, kind)
        stream += framed(b"are you there", Opcode.PING) * chance.randint(0, 1)
    async with socket_to_bytes(stream, at_random(chance)) as socket:
        assert await all_of(socket) == messages


async def test_handshake_answer_can_arrive_in_any_two_parts() -> None:
    def at(end: int) -> Cut:
        return lambda data: [data[:end], data[end:]]

    behind = framed(b"behind it")
    for end in (1, 2, 40, *range(-len(behind) - 5, 0)):
        async with socket_to_bytes(behind, at(end)) as socket:
            assert await all_of(socket) == [b"behind it"]


SENSELESS = {
    "too long": (b"\x81\x7f" + (MAX_MESSAGE_BYTES + 1).to_bytes(8), 1009),
    "too long in parts": (
        framed(b"x" * (MAX_MESSAGE_BYTES - 1), fin=False) + framed(b"xx", Opcode.CONT),
        1009,
    ),
    "masked": (Frame(Opcode.TEXT, b"x").serialize(mask=True), 1002),
    "compressed, in parts": (framed(b"x" * 400_000).replace(b"\x81", b"\xc1", 1), 1002),
    "compressed": (b"\xc1\x01x", 1002),
    "of no known kind": (b"\x83\x01x", 1002),
    "a message within another": (framed(b"x", fin=False) + framed(b"x"), 1002),
    "a part of nothing": (framed(b"x", Opcode.CONT), 1002),
    "a long ping": (b"\x89\x7e" + (126).to_bytes(2) + b"x" * 126, 1002),
}


@pytest.mark.parametrize("name", SENSELESS)
async def test_invalid_frame_ends_the_connection_after_the_messages_before_it(
    name: str,
) -> None:
    frame, code = SENSELESS[name]
    stream = framed(b"before") + frame + framed(b"behind")
    async with socket_to_bytes(stream, lambda data: [data]) as socket:
        assert await all_of(socket) == [b"before"]
        with pytest.raises(ConnectionClosed) as closed:
            await socket.next_batch()
        assert closed.value.sent is not None
        assert closed.value.sent.code == code


@pytest.mark.parametrize("size", [0, 1000, 70_000])
async def test_close_succeeds_with_a_partly_received_frame(size: int) -> None:
    has_left = asyncio.Event()
    begun = framed(b"x" * size)
    closing = framed((1000).to_bytes(2), Opcode.CLOSE)

    async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(head + begun[: size // 2])
        await has_left.wait()
        await write_each(writer, [begun[size // 2 :], closing[:3], closing[3:]])

    async with socket_to_raw(talk) as socket:
        leaves = asyncio.create_task(socket.close())
        await async_wait_until(lambda: socket.state is not State.OPEN)
        has_left.set()
        await leaves
        assert socket.close_code == 1000


@pytest.mark.parametrize("first", [0x83, 0x8B])
async def test_frame_of_unknown_opcode_ends_the_connection_before_it_is_complete(
    first: int,
) -> None:
    stream = framed(b"before") + bytes([first, 0x7F]) + (8 * 2**20).to_bytes(8) + b"start"
    async with socket_to_bytes(stream, lambda data: [data]) as socket:
        assert await all_of(socket) == [b"before"]
        with pytest.raises(ConnectionClosed) as closed:
            await socket.next_batch()
        assert closed.value.sent is not None
        assert closed.value.sent.code == 1002


async def test_truncated_frame_is_not_returned() -> None:
    for part in (b"\x81", framed(b"x" * 70_000)[:5], framed(b"half")[:-1]):
        async with socket_to_bytes(framed(b"whole") + part, lambda data: [data]) as socket:
            assert await all_of(socket) == [b"whole"]
            with pytest.raises(ConnectionClosed):
                await socket.next_batch()


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
async def test_flood_of_pings_ends_the_connection_with_a_reason(opcode: Opcode) -> None:
    stream = framed(b"before") + framed(b"", opcode) * 100_000
    async with socket_to_bytes(stream, lambda data: [data]) as socket:
        with pytest.raises(FeedFlooded, match="pings and pongs"):
            await all_of(socket)


async def test_message_of_too_many_fragments_ends_the_connection_with_a_reason() -> None:
    stream = framed(b"", fin=False) + framed(b"x", Opcode.CONT, fin=False) * (MAX_PARTS + 10)
    async with socket_to_bytes(stream, lambda data: [data]) as socket:
        with pytest.raises(FeedFlooded, match="frames"):
            await socket.next_batch()


async def test_tiny_fragments_leave_other_tasks_running() -> None:
    parts = b"".join(framed(b"x", Opcode.CONT, fin=False) for _ in range(3000))
    message = framed(b"", fin=False) + parts + framed(b"y", Opcode.CONT)
    async with socket_to_bytes(message * 5 + framed(b"behind"), lambda data: [data]) as socket:
        turns, taken = 0, asyncio.create_task(all_of(socket))
        while not taken.done():
            turns += 1
            await asyncio.sleep(0)
        assert await taken == [b"x" * 3000 + b"y"] * 5 + [b"behind"]
    assert turns >= 5 * 3000 / MAX_FRAMES_PER_ITERATION


async def test_frames_that_were_put_off_are_processed_before_the_end() -> None:
    stream = (
        framed(b"", Opcode.PING) * 900 + framed(b"last") + framed((1000).to_bytes(2), Opcode.CLOSE)
    )
    async with socket_to_bytes(stream, lambda data: [data]) as socket:
        assert await all_of(socket) == [b"last"]


async def test_invalid_port_reaches_no_other_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with InvalidPort() as port:
        target = f"127.0.0.1:{port.number}"

        def redirect(connection: ServerConnection, _request: Request) -> Response:
            answer = connection.respond(307, "")
            answer.headers["Location"] = f"ws://{target}/"
            return answer

        async def refuse(_websocket: ServerConnection) -> None:
            raise AssertionError("every request is redirected")

        async with serve(refuse, "127.0.0.1", 0, process_request=redirect) as server:
            here = server.sockets[0].getsockname()[1]
            for url in (f"ws://{target}", f"ws://127.0.0.1:{here}"):
                with pytest.raises(NOT_CONNECTED, match="ort"):
                    await open_feed_socket(url)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://{target}")
        for url in ("ws://192.0.2.2", "wss://192.0.2.2"):
            with pytest.raises(NOT_CONNECTED, match="ort"):
                await open_feed_socket(url)
        assert not port.was_reached
