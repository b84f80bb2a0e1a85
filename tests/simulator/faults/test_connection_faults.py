"""Faults of all connections at clients on real sockets; afterwards the feed is right again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from lab.waiting import async_wait_until
from simulator.faults.kinds import FaultError
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.recording.reader import read_recording
from simulator.recording.replay import Replay
from simulator.server import Simulator
from simulator.wire import now_us, time_text
from tests.simulator.helpers import HOUR, is_book, parse, read_until, send, subscribe, timestamp
from tests.simulator.recording.recordings import ACK, FRAMES, record
from tests.simulator.stage import Stage, answered, books, ended, fails, subscribed

BTC_BOOK = {"channel": "book", "symbol": ["BTC/USD"], "depth": 10}


async def test_mute_silences_every_connection(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do(f"mute?{HOUR}")
        pong = asyncio.ensure_future(await client.ping())
        async with stage.client() as comer:
            for one in (client, comer):
                await send(one, method="ping")
            stage.move(3)
            await stage.asked(3)
            stage.injector.lift()
            for one in (client, comer):
                assert await answered(one) == []
            assert not pong.done()
            pong.cancel()
        stage.move()
        (text,) = books(await answered(client))
        assert fails(book, text)
    assert await stage.feed_is_right()


async def test_close_sends_its_code(stage: Stage) -> None:
    async with stage.follower() as (client, _), stage.client() as other:
        stage.do("close?code=1012")
        for one in (client, other):
            closed = await ended(one)
            assert closed.rcvd is not None
            assert closed.rcvd.code == 1012
    assert await stage.feed_is_right()


async def test_drop_sends_no_close_frame(stage: Stage) -> None:
    async with stage.follower() as (client, _), stage.client() as other:
        stage.do("drop")
        for one in (client, other):
            assert (await ended(one)).rcvd is None
    assert await stage.feed_is_right()


async def test_accept_and_close_sends_no_status(stage: Stage) -> None:
    stage.do(f"accept_and_close?{HOUR}")
    async with stage.client() as client:
        closed = await ended(client)
        assert closed.rcvd is not None
        assert closed.rcvd.code == 1001
    assert stage.simulator.accepted == 1
    stage.injector.lift()
    assert await stage.feed_is_right()


async def test_refuse_connections_answers_with_its_status_except_healthz(stage: Stage) -> None:
    stage.do(f"refuse_connections?status=429&{HOUR}")
    with pytest.raises(InvalidStatus) as refused:
        await connect(stage.url)
    assert refused.value.response.status_code == 429
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        answer = await http.get(stage.url.replace("ws://", "http://").replace("/v2", "/healthz"))
        assert answer.status_code == 200
    assert stage.simulator.accepted == 0
    stage.injector.lift()
    assert await stage.feed_is_right()


async def test_answer_late_keeps_the_order_of_answers(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do(f"answer_late?delay=1&{HOUR}")
        await subscribe(client, "MINA/GBP")
        await stage.asked(2)
        stage.injector.lift()
        # Answers are no longer delayed, but this one must not overtake the late ones.
        await send(client, method="ping", req_id=0)
        stage.move()
        texts = await read_until(client, lambda frame: is_book(frame, "snapshot"))
        texts += [str(text) for text in await answered(client)]
        assert not fails(book, next(text for text in texts if is_book(parse(text))))
        frames = [parse(text) for text in texts]
        kinds = [frame.get("method") or frame.get("type") for frame in frames]
        assert kinds.index("update") < kinds.index("subscribe") < kinds.index("pong")
        assert kinds.index("subscribe") < kinds.index("snapshot")
    assert await stage.feed_is_right()


async def test_answer_never_leaves_requests_without_effect(stage: Stage) -> None:
    async with stage.client() as client:
        await answered(client)
        stage.do(f"answer_never?method=subscribe&{HOUR}")
        await subscribe(client, "BTC/USD")
        await send(client, method="unsubscribe", params=BTC_BOOK)
        (refusal,) = await answered(client)
        assert parse(refusal)["error"] == "Subscription Not Found"
        stage.do(f"answer_never?{HOUR}")
        await send(client, method="ping")
        await client.send("{nonsense")
        await stage.asked(6)
        stage.injector.lift()
        assert await answered(client) == []
        await subscribed(client)
    assert await stage.feed_is_right()


async def test_rate_limit_refuses_every_request(stage: Stage) -> None:
    async with stage.client() as client:
        await answered(client)
        stage.do(f"rate_limit?{HOUR}")
        await subscribe(client, "BTC/USD")
        await send(client, method="ping")
        await client.send("{nonsense")
        await stage.asked(4)
        stage.injector.lift()
        assert await answered(client) == ['{"Error":"Exceeded msg rate"}'] * 3
        await subscribed(client)


async def test_garbage_has_three_kinds(stage: Stage) -> None:
    async with stage.follower() as (client, _), stage.client() as other:
        await answered(other)
        for kind in ("text", "binary", "json"):
            stage.do(f"garbage?kind={kind}")
        for one in (client, other):
            text, binary, unknown = await answered(one)
            with pytest.raises(json.JSONDecodeError):
                json.loads(text)
            assert isinstance(text, str)
            assert isinstance(binary, bytes)
            assert json.loads(unknown)["channel"] not in {"book", "status", "heartbeat"}
    assert await stage.feed_is_right()


@pytest.mark.parametrize("size", [100, 3_000_000])
async def test_big_sends_json_of_exactly_its_bytes(stage: Stage, size: int) -> None:
    async with stage.follower() as (client, _):
        stage.do(f"big?bytes={size}")
        (text,) = await answered(client)
        assert len(text) == size
        assert json.loads(text)["channel"] == "padding"
    assert await stage.feed_is_right()


async def test_lag_delays_frames_in_order(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do(f"lag?delay=1&{HOUR}")
        stage.move(3)
        # A pong of the WebSocket protocol is not delayed.
        await (await client.ping())
        lifted_at = time_text(now_us())
        stage.injector.lift()
        stage.move(3)
        texts = books(await answered(client))
        assert len(texts) == 6
        assert not any(fails(book, text) for text in texts)
        assert timestamp(texts[2]) < lifted_at < timestamp(texts[3])
        assert await stage.feed_is_right()


async def test_status_reaches_open_and_new_connections(stage: Stage) -> None:
    async with stage.client() as client:
        (greeting,) = await answered(client)
        stage.do("status?system=maintenance")
        (changed,) = await answered(client)
        assert changed == str(greeting).replace('"online"', '"maintenance"')
        async with stage.client() as comer:
            (greeting,) = await answered(comer)
            assert parse(greeting)["data"][0]["system"] == "maintenance"
        stage.do("status?system=online")
        (changed,) = await answered(client)
        assert parse(changed)["data"][0]["system"] == "online"
    assert await stage.feed_is_right()


async def test_lasting_fault_ends_after_its_seconds(stage: Stage) -> None:
    # Longer than a handshake takes on a busy machine.
    stage.do("refuse_connections?seconds=1")

    async def served() -> bool:
        try:
            async with connect(stage.url):
                return True
        except InvalidStatus:
            return False

    assert not await served()
    assert stage.injector.present()
    await async_wait_until(served)
    assert stage.injector.present() == []


async def test_replay_takes_faults_of_connections_only(tmp_path: Path) -> None:
    replay = Replay(read_recording(record(tmp_path, [ACK, *FRAMES])))
    protocol = SimulatedKraken(replay)
    async with Simulator(protocol) as simulator, connect(simulator.url) as client:
        stage = Stage(replay, protocol, simulator)
        await answered(client)
        stage.do("garbage?kind=json")
        assert len(await answered(client)) == 1
        for text in ("corrupt?symbol=BTC/USD", "mute?symbol=BTC/USD&seconds=1", "list?symbol=A/B"):
            with pytest.raises(FaultError, match="a recording is replayed"):
                stage.do(text)
