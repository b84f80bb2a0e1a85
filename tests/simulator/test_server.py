"""A simulator in this process, with clients on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from simulator.market.catalogue import CATALOGUE
from simulator.protocols.kraken.protocol import KrakenExchange, SimulatedKraken
from simulator.send_queue import MAX_QUEUED_BYTES
from simulator.server import Simulator
from tests.simulator.helpers import (
    DEADLINE,
    NaiveBook,
    exchange,
    is_book,
    parse,
    read_until,
    send,
    subscribe,
    timestamp,
)

BTC_BOOK = {"channel": "book", "symbol": ["BTC/USD"], "depth": 10}


@asynccontextmanager
async def serving(
    feed: KrakenExchange, *, max_queued: int = MAX_QUEUED_BYTES
) -> AsyncIterator[str]:
    async with Simulator(SimulatedKraken(feed), max_queued=max_queued) as simulator:
        yield simulator.url


async def test_each_connection_gets_an_id_beyond_exact_floats() -> None:
    ids = set()
    async with serving(exchange("BTC/USD")) as url:
        for _ in range(5):
            async with connect(url) as client:
                (status,) = await read_until(client, lambda frame: frame["channel"] == "status")
                ids.add(parse(status)["data"][0]["connection_id"])
    assert len(ids) == 5
    assert all(2**53 < one < 2**64 for one in ids)


async def test_server_serves_any_path() -> None:
    async with serving(exchange("BTC/USD")) as url, connect(url.removesuffix("/v2")) as client:
        await read_until(client, lambda frame: frame["channel"] == "status")


async def test_healthz_answers_200() -> None:
    async with (
        serving(exchange("BTC/USD")) as url,
        httpx.AsyncClient(trust_env=False, verify=False) as client,
    ):
        answer = await client.get(url.replace("ws://", "http://").replace("/v2", "/healthz"))
        assert answer.status_code == 200


async def test_heartbeats_continue_without_moves() -> None:
    async with serving(exchange("BTC/USD", rate=0)) as url, connect(url) as client:
        await subscribe(client, "BTC/USD")
        loop = asyncio.get_running_loop()
        await read_until(client, lambda frame: frame.get("channel") == "heartbeat")
        start = loop.time()
        for _ in range(2):
            texts = await read_until(client, lambda frame: frame.get("channel") == "heartbeat")
            assert texts == ['{"channel":"heartbeat"}']
        # Two intervals of a second, less the delay of reading the first heartbeat.
        assert loop.time() - start > 1.0


async def test_fast_resubscription_gets_every_ack_and_one_snapshot() -> None:
    async with serving(exchange("BTC/USD", rate=0)) as url, connect(url) as client:
        for _ in range(3):
            await subscribe(client, "BTC/USD")
            await send(client, method="unsubscribe", params=BTC_BOOK)
        await subscribe(client, "BTC/USD")
        texts = await read_until(client, lambda frame: frame.get("channel") == "heartbeat")
    frames = [parse(text) for text in texts]
    assert sum(frame.get("success", False) for frame in frames) == 7
    assert sum(is_book(frame, "snapshot") for frame in frames) == 1


async def test_error_reply_leaves_the_socket_open() -> None:
    async with serving(exchange("BTC/USD")) as url, connect(url) as client:
        await client.send("{nonsense")
        await client.send(b"\xff\xfe")
        await send(client, method="ping", req_id=101)
        texts = await read_until(client, lambda frame: frame.get("method") == "pong")
        answers = [parse(text) for text in texts[1:]]
        assert [answer.get("success") for answer in answers] == [False, False, None]
        assert answers[-1]["req_id"] == 101


async def test_subscribers_at_each_depth_hold_the_right_book() -> None:
    symbols = ("BTC/USD", "PEPE/USD", "MINA/GBP")

    async def follow(url: str, depth: int) -> dict[str, int]:
        books = {symbol: NaiveBook(depth) for symbol in symbols}
        updates = dict.fromkeys(symbols, 0)
        async with connect(url, max_size=None) as client, asyncio.timeout(DEADLINE):
            await subscribe(client, *symbols, depth=depth)
            while not all(updates.values()) or sum(updates.values()) < 150:
                text = await client.recv()
                frame = parse(text)
                if frame.get("channel") == "book":
                    symbol = frame["data"][0]["symbol"]
                    books[symbol].apply(text)
                    updates[symbol] += frame["type"] == "update"
        return updates

    async with serving(exchange(*symbols, rate=400)) as url:
        await asyncio.gather(*(follow(url, depth) for depth in (10, 25, 100)))


async def test_frames_follow_from_the_seed_except_timestamps() -> None:
    async def frames() -> list[str]:
        async with (
            serving(exchange("BTC/USD", "ETH/USD", rate=2000, updates=200)) as url,
            connect(url) as client,
        ):
            await subscribe(client, "BTC/USD", "ETH/USD", depth=1000)
            texts: list[str] = []
            while sum(is_book(parse(text)) for text in texts) < 200:
                texts += await read_until(client, is_book)
            return [
                text.partition('"timestamp"')[0] for text in texts if '"channel":"book","t' in text
            ]

    assert await frames() == await frames()


async def test_advance_makes_same_updates_as_run() -> None:
    served = exchange("BTC/USD", "ETH/USD", rate=5000, updates=300)
    async with serving(served) as url, connect(url) as client:
        await subscribe(client, "BTC/USD", "ETH/USD", depth=1000)
        for _ in range(300):
            await read_until(client, is_book)
    twin = exchange("BTC/USD", "ETH/USD", rate=5000, updates=300)
    twin.advance(300)
    for symbol in ("BTC/USD", "ETH/USD"):
        assert served.listing(symbol).checksum() == twin.listing(symbol).checksum()


async def test_markets_wait_for_a_subscriber_and_stop_after_the_last_update() -> None:
    feed = exchange("BTC/USD", rate=1000, updates=100)
    opening = feed.listing("BTC/USD").snapshot(10)
    async with serving(feed) as url, connect(url) as idle, connect(url) as client:
        await send(idle, method="ping")
        await read_until(idle, lambda frame: frame.get("method") == "pong")
        assert feed.listing("BTC/USD").snapshot(10) == opening
        await subscribe(client, "BTC/USD", depth=1000)
        for _ in range(100):
            await read_until(client, is_book)
        texts = await read_until(client, lambda frame: frame.get("channel") == "heartbeat")
        assert not any(is_book(parse(text)) for text in texts)


async def test_two_hundred_subscribers_get_the_same_frames() -> None:
    async def follow(url: str) -> list[str]:
        # So many handshakes take a busy machine longer than the usual ten seconds.
        async with connect(url, compression=None, open_timeout=None) as client:
            await subscribe(client, "BTC/USD", depth=1000)
            texts: list[str] = []
            while len(texts) < 20:
                texts.append((await read_until(client, is_book))[-1])
            return texts

    async with serving(exchange("BTC/USD", rate=40)) as url:
        lines = await asyncio.gather(*(follow(url) for _ in range(200)))
    # The clients joined at different times: each has a part of the same sequence of frames.
    sequence = sorted({text for texts in lines for text in texts}, key=timestamp)
    for texts in lines:
        first = sequence.index(texts[0])
        assert texts == sequence[first : first + 20]


async def until_closed(client: ClientConnection) -> tuple[int, ConnectionClosed]:
    """Return the number of frames until the end of the connection, and its end."""
    count = 0
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await client.recv()
            except ConnectionClosed as closed:
                return count, closed
            count += 1


async def flood(client: ClientConnection, times: int) -> None:
    """Request the list of instruments, about 7 kB, `times` times."""
    for _ in range(times):
        for method in ("subscribe", "unsubscribe"):
            await send(client, method=method, params={"channel": "instrument"})


async def test_client_that_does_not_read_is_closed_and_delays_no_other() -> None:
    floods = 4_000
    async with (
        serving(exchange(*CATALOGUE, rate=400), max_queued=1_000_000) as url,
        connect(url, max_queue=1, compression=None) as slow,
        connect(url, compression=None) as other,
    ):
        await subscribe(other, *CATALOGUE)
        flooding = asyncio.create_task(flood(slow, floods))
        books = {symbol: NaiveBook(10) for symbol in CATALOGUE}
        updates = 0
        while updates < 200 or not flooding.done():
            for text in await read_until(other, is_book):
                frame = parse(text)
                if frame.get("channel") == "book":
                    books[frame["data"][0]["symbol"]].apply(text)
                    updates += frame["type"] == "update"
        count, closed = await until_closed(slow)
        assert count < 2 * floods
        assert closed.rcvd is None or closed.rcvd.code == 1013
        await read_until(other, is_book)


async def test_stop_closes_connections_with_1001() -> None:
    async with serving(exchange("BTC/USD")) as url:
        client = await connect(url)
        await subscribe(client, "BTC/USD")
        await read_until(client, lambda frame: is_book(frame, "snapshot"))
    _, closed = await until_closed(client)
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1001


async def test_stop_does_not_wait_for_a_client_that_does_not_read() -> None:
    async with AsyncExitStack() as running:
        url = await running.enter_async_context(serving(exchange(*CATALOGUE)))
        client = await connect(url, max_queue=1, compression=None)
        await flood(client, 4_000)
        # The client closes only after this, so a stop that waited for it would never end.
        async with asyncio.timeout(DEADLINE):
            await running.aclose()
    count, _ = await until_closed(client)
    assert count < 8_000, "the close frame had to wait behind unread frames"
