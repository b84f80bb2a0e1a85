"""Each fault as a client on a real socket sees it, and that the feed is right again afterwards."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from lab.waiting import async_wait_until
from simulator.faults.kinds import FAULTS, FaultError
from simulator.faults.text import parse_fault
from simulator.protocol.wire import now_us, time_text
from simulator.recording.reader import read_recording
from simulator.recording.replay import Replay
from simulator.server import Simulator
from tests.simulator.helpers import (
    is_book,
    parse,
    read_until,
    send,
    subscribe,
    text_checksum,
)
from tests.simulator.recording.test_replay import ACK, FRAMES, record
from tests.simulator.stage import (
    Stage,
    answered,
    books,
    ended,
    fails,
    instruments,
    staged,
    subscribed,
    told_of_pair,
)

BTC_BOOK = {"channel": "book", "symbol": ["BTC/USD"], "depth": 10}
HOUR = "seconds=3600"


def timestamp(text: str) -> str:
    return str(parse(text)["data"][0]["timestamp"])


async def test_corrupt_spoils_count_checksums_and_no_book(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do("corrupt?symbol=BTC/USD&count=2")
        stage.move(4)
        wrong = [fails(book, text) for text in books(await answered(client))]
    assert wrong == [True, True, False, False]
    assert await stage.feed_is_right()


async def test_fault_of_an_update_shows_at_every_depth(stage: Stage) -> None:
    async with stage.follower() as (shallow, best), stage.follower(depth=1000) as (deep, whole):
        stage.do("corrupt?symbol=BTC/USD")
        stage.move(50)
        for client, book in ((shallow, best), (deep, whole)):
            wrong = [fails(book, text) for text in books(await answered(client))]
            assert wrong.count(True) == 1


async def test_fault_of_an_update_waits_for_a_follower(stage: Stage) -> None:
    stage.do("corrupt?symbol=BTC/USD")
    stage.move(50)
    async with stage.follower() as (client, book):
        stage.move(2)
        wrong = [fails(book, text) for text in books(await answered(client))]
    assert wrong == [True, False]


async def test_faults_of_updates_queue_and_spare_other_symbols(stage: Stage) -> None:
    async with stage.follower("MINA/GBP") as (other, mina), stage.follower() as (client, _):
        stage.do("swallow?symbol=BTC/USD&count=2")
        stage.do("repeat?symbol=BTC/USD")
        stage.move(4)
        first, second, third = books(await answered(client))
        assert first == second != third
        stage.move(20, "MINA/GBP")
        for text in books(await answered(other)):
            mina.apply(text)


async def test_swallow_loses_updates(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do("swallow?symbol=BTC/USD&count=2")
        stage.move(3)
        (only,) = books(await answered(client))
        assert fails(book, only)
    assert await stage.feed_is_right()


async def test_repeat_sends_an_update_twice(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do("repeat?symbol=BTC/USD&count=2")
        stage.move(3)
        texts = books(await answered(client))
        assert [texts[0], texts[2]] == [texts[1], texts[3]]
        assert len(set(texts)) == 3
        assert len(texts) == 5
        # What is set twice is as if it were set once.
        assert not any(fails(book, text) for text in texts)


async def test_reorder_swaps_the_next_two_updates(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do("reorder?symbol=BTC/USD")
        stage.move()
        assert books(await answered(client)) == []
        stage.move(2)
        texts = books(await answered(client))
        times = [timestamp(text) for text in texts]
        assert times == [max(times[:2]), min(times[:2]), max(times)]
        assert fails(book, texts[0])
        # Whoever comes in between has the first update in the snapshot.
        stage.do("reorder?symbol=BTC/USD")
        stage.move()
        assert await stage.feed_is_right()


async def test_two_reorderings_in_a_row_lose_nothing(stage: Stage) -> None:
    async with stage.follower() as (client, _):
        stage.do("reorder?symbol=BTC/USD")
        stage.do("reorder?symbol=BTC/USD")
        stage.move(4)
        times = [timestamp(text) for text in books(await answered(client))]
    right = sorted(times)
    assert times == [right[1], right[0], right[3], right[2]]


@pytest.mark.parametrize("depth", [10, 25, 1000])
async def test_crossed_leaves_a_crossed_book_whose_checksum_agrees(
    stage: Stage, depth: int
) -> None:
    async with stage.follower(depth=depth) as (client, book):
        stage.do("crossed?symbol=BTC/USD")
        stage.move()
        *right, crossed = books(await answered(client))
        assert not any(fails(book, text) for text in right)
        assert fails(book, crossed)
        assert max(book.bids) >= min(book.asks)
        told = parse(crossed)["data"][0]["checksum"]
        assert text_checksum(book.asks.values(), book.bids.values()) == told
    assert await stage.feed_is_right()


async def test_crossed_waits_until_there_is_an_ask(stage: Stage) -> None:
    market = stage.exchange.listing("MINA/GBP").market
    async with stage.follower("MINA/GBP"):
        for _ in range(10_000):
            stage.do("crossed?symbol=MINA/GBP")
            stage.move(1, "MINA/GBP")
            if not market.asks.keys:
                break
            assert stage.exchange.pending() == []
        assert len(stage.exchange.pending()) == 1
        stage.move(1, "MINA/GBP")
        assert stage.exchange.pending() == []


async def test_level_has_a_decimal_too_many(stage: Stage) -> None:
    async with stage.follower() as (client, _):
        stage.do("level?symbol=BTC/USD")
        stage.move(2)
        wrong, right = (parse(text)["data"][0] for text in books(await answered(client)))

    def decimals(entry: dict[str, list[dict[str, str]]]) -> list[int]:
        levels = entry["bids"] + entry["asks"]
        return sorted(len(level["price"].partition(".")[2]) for level in levels)

    assert decimals(wrong)[-1] == 2
    assert decimals(wrong).count(2) == 1
    assert set(decimals(right)) == {1}
    assert await stage.feed_is_right()


async def test_level_adds_a_point_to_integer_prices(stage: Stage) -> None:
    stage.do("precision?symbol=BTC/USD&price=0&qty=8")
    async with stage.follower() as (client, _):
        stage.do("level?symbol=BTC/USD")
        stage.move()
        (wrong,) = books(await answered(client))
    entry = parse(wrong)["data"][0]
    assert sum("." in str(level["price"]) for level in entry["bids"] + entry["asks"]) == 1


async def test_cut_ends_in_the_middle_of_the_text(stage: Stage) -> None:
    async with stage.follower() as (client, _):
        stage.do("cut?symbol=BTC/USD")
        stage.move()
        (text,) = books(await answered(client))
        assert text.startswith('{"channel":"book","type":"update"')
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
    assert await stage.feed_is_right()


async def test_early_puts_an_update_before_the_snapshot(stage: Stage) -> None:
    stage.do("early?symbol=BTC/USD")
    async with stage.client() as client:
        await subscribe(client, "BTC/USD")
        texts = await read_until(client, lambda frame: is_book(frame, "snapshot"))
        assert [parse(text).get("type") for text in texts] == [
            "update",  # of the status
            None,
            "update",
            "snapshot",
        ]
        assert is_book(parse(texts[2]))
    assert await stage.feed_is_right()


async def test_ack_only_is_followed_by_nothing(stage: Stage) -> None:
    stage.do("ack_only?symbol=BTC/USD")
    async with stage.client() as client:
        await subscribe(client, "BTC/USD")
        # Who asks later would get a snapshot later.
        async with stage.follower():
            stage.move(5)
        _, ack = await answered(client)
        assert parse(ack)["success"]
        await send(client, method="unsubscribe", params=BTC_BOOK)
        (ack,) = await answered(client)
        assert parse(ack)["success"]
        await subscribed(client)
    assert await stage.feed_is_right()


async def test_mute_of_a_symbol_swallows_its_updates(stage: Stage) -> None:
    async with stage.follower() as (client, book), stage.follower("MINA/GBP") as (other, mina):
        stage.do(f"mute?symbol=BTC/USD&{HOUR}")
        stage.move(3)
        stage.move(3, "MINA/GBP")
        assert books(await answered(client)) == []
        assert not any(fails(mina, text) for text in books(await answered(other)))
        stage.injector.lift()
        stage.move()
        (text,) = books(await answered(client))
        assert fails(book, text)
    assert await stage.feed_is_right()


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


async def test_silence_keeps_the_book_right(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do(f"silence?symbol=BTC/USD&{HOUR}")
        stage.try_to_move()
        assert books(await answered(client)) == []
        stage.injector.lift()
        stage.move(5)
        texts = books(await answered(client))
        assert len(texts) == 5
        assert not any(fails(book, text) for text in texts)


async def test_refuse_answers_like_an_unknown_pair(stage: Stage) -> None:
    stage.do(f"refuse?symbol=BTC/USD&{HOUR}")
    async with stage.client() as client:
        await subscribe(client, "BTC/USD", "MINA/GBP")
        _, refusal, ack = (await answered(client))[:3]
        assert refusal == (
            '{"error":"Currency pair not supported BTC/USD","method":"subscribe","success":false,'
            '"symbol":"BTC/USD"}'
        )
        assert parse(ack)["result"]["symbol"] == "MINA/GBP"
        stage.injector.lift()
        await subscribed(client)


@pytest.mark.parametrize(("price", "qty"), [(3, 8), (1, 10), (0, 8), (1, 2), (2, 4)])
async def test_precision_change_is_announced(stage: Stage, price: int, qty: int) -> None:
    async with stage.follower() as (follower, _), stage.client() as client:
        await instruments(client)
        stage.do(f"precision?symbol=BTC/USD&price={price}&qty={qty}")
        pair = told_of_pair(await answered(client))
        assert (pair["symbol"], pair["price_precision"], pair["qty_precision"]) == (
            "BTC/USD",
            price,
            qty,
        )
        assert await answered(follower) == []
        stage.move()
        (text,) = books(await answered(follower))
        entry = parse(text)["data"][0]
        for level in entry["bids"] + entry["asks"]:
            assert len(str(level["price"]).partition(".")[2]) == price
            assert len(level["qty"].partition(".")[2]) == qty
    async with stage.follower(depth=1000) as (client, book):
        stage.move(500)
        assert not any(fails(book, text) for text in books(await answered(client)))


async def test_precision_with_more_decimals_keeps_the_book(stage: Stage) -> None:
    async with stage.follower(depth=1000) as (_, before):
        pass
    stage.do("precision?symbol=BTC/USD&price=4&qty=10")
    async with stage.follower(depth=1000) as (_, after):
        assert list(after.bids) == list(before.bids)
        assert list(after.asks) == list(before.asks)


async def test_precision_with_too_few_decimals_is_refused(stage: Stage) -> None:
    with pytest.raises(FaultError, match="price=1: too few decimals for MINA/GBP"):
        stage.do("precision?symbol=MINA/GBP&price=1&qty=8")
    assert await stage.feed_is_right("MINA/GBP")


async def test_delisted_pair_is_gone_until_it_is_online(stage: Stage) -> None:
    async with stage.follower() as (follower, book), stage.client() as client:
        await instruments(client)
        stage.do("pair_status?symbol=BTC/USD&status=delisted")
        assert told_of_pair(await answered(client))["status"] == "delisted"
        stage.try_to_move()
        assert await answered(follower) == []
        async with stage.client() as comer:
            assert await instruments(comer) == ["MINA/GBP"]
            await subscribe(comer, "BTC/USD")
            (refusal,) = await answered(comer)
            assert parse(refusal)["error"] == "Currency pair not supported BTC/USD"
        stage.do("pair_status?symbol=BTC/USD&status=online")
        assert told_of_pair(await answered(client))["status"] == "online"
        stage.move(3)
        assert [fails(book, text) for text in books(await answered(follower))] == [False] * 3
    assert await stage.feed_is_right()


async def test_pair_status_survives_a_change_of_precision(stage: Stage) -> None:
    stage.do("pair_status?symbol=BTC/USD&status=cancel_only")
    async with stage.client() as client:
        assert await instruments(client) == ["BTC/USD", "MINA/GBP"]
        stage.do("precision?symbol=BTC/USD&price=2&qty=8")
        assert told_of_pair(await answered(client))["status"] == "cancel_only"
    assert await stage.feed_is_right()


async def test_listed_pair_is_announced_and_moves() -> None:
    async with staged(rate=300) as stage, stage.client() as client:
        await subscribed(client, depth=10)
        await instruments(client)
        stage.do("list?symbol=NEW/USD")
        texts = await read_until(client, lambda frame: frame.get("channel") == "instrument")
        assert told_of_pair([texts[-1]])["symbol"] == "NEW/USD"
        async with stage.follower("NEW/USD") as (comer, book):
            for _ in range(3):
                book.apply((await read_until(comer, is_book))[-1])


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
        # Asked when answers are in time again, and yet it must not overtake.
        await send(client, method="ping", req_id=0)
        stage.move()
        texts = await read_until(client, lambda frame: is_book(frame, "snapshot"))
        texts += [str(text) for text in await answered(client)]
        assert not fails(book, next(text for text in texts if is_book(parse(text))))
        frames = [parse(text) for text in texts]
        told = [frame.get("method") or frame.get("type") for frame in frames]
        assert told.index("update") < told.index("subscribe") < told.index("pong")
        assert told.index("subscribe") < told.index("snapshot")
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
        # The protocol's own pong is no frame of ours: it overtakes what lags.
        await (await client.ping())
        let_go = time_text(now_us())
        stage.injector.lift()
        stage.move(3)
        texts = books(await answered(client))
        assert len(texts) == 6
        assert not any(fails(book, text) for text in texts)
        assert timestamp(texts[2]) < let_go < timestamp(texts[3])
        assert await stage.feed_is_right()


async def test_status_reaches_open_and_new_connections(stage: Stage) -> None:
    async with stage.client() as client:
        (greeting,) = await answered(client)
        stage.do("status?system=maintenance")
        (told,) = await answered(client)
        assert told == str(greeting).replace('"online"', '"maintenance"')
        async with stage.client() as comer:
            (greeting,) = await answered(comer)
            assert parse(greeting)["data"][0]["system"] == "maintenance"
        stage.do("status?system=online")
        (told,) = await answered(client)
        assert parse(told)["data"][0]["system"] == "online"
    assert await stage.feed_is_right()


async def test_lasting_fault_ends_after_its_seconds(stage: Stage) -> None:
    # Longer than a connection takes on a machine that others use too.
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
    async with Simulator(replay) as simulator, connect(simulator.url) as client:
        stage = Stage(replay, simulator)
        await answered(client)
        stage.do("garbage?kind=json")
        assert len(await answered(client)) == 1
        for text in ("corrupt?symbol=BTC/USD", "mute?symbol=BTC/USD&seconds=1", "list?symbol=A/B"):
            with pytest.raises(FaultError, match="a recording is replayed"):
                stage.do(text)


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: str(kind.__struct_config__.tag))
def test_every_fault_has_a_description(kind: type) -> None:
    assert kind.__doc__


@pytest.mark.parametrize(
    ("name", "query", "message"),
    [
        ("explode", "", "there is no fault 'explode': use one of corrupt, swallow, "),
        ("corrupt", "", "corrupt: symbol is missing: it takes a pair, such as BTC/USD"),
        ("corrupt", "symbol=BTC/USD&count=0", "corrupt: count=0: it takes a number of them, 1 or"),
        ("corrupt", "symbol=BTC/USD&count=many", "corrupt: count=many: it takes a number"),
        ("corrupt", "symbol=BTC/USD&symbol=A/B", "corrupt: symbol is given twice"),
        ("corrupt", "symbol=", "corrupt: symbol=: it takes a pair"),
        ("corrupt", "symbol=BTC/USD&often=1", "corrupt has no parameter 'often': it takes symbol"),
        ("drop", "code=1", "drop has no parameter 'code': it takes none"),
        ("close", "code=1006", "code=1006: it takes a code that may be sent, such as 1001"),
        ("mute", "seconds=nan", "mute: seconds=nan: it takes seconds, more than 0"),
        ("mute", "seconds=-1", "mute: seconds=-1: it takes seconds, more than 0"),
        ("garbage", "kind=paper", "garbage: kind=paper: it takes one of binary, json, text"),
        ("refuse_connections", "seconds=1&status=200", "status=200: it takes an HTTP status, 400"),
        ("status", "system=sleepy", "it takes one of cancel_only, maintenance, online, post_only"),
        ("big", "bytes=1", "big: bytes=1: it takes bytes, 100 to 50000000"),
    ],
)
def test_parse_fault_names_the_wrong_parameter(name: str, query: str, message: str) -> None:
    with pytest.raises(FaultError) as wrong:
        parse_fault(name, query)
    assert message in str(wrong.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "corrupt?symbol=NO/NE",
            "symbol=NO/NE: it is not listed: use a listed one, such as BTC/USD",
        ),
        ("mute?symbol=NO/NE&seconds=1", "not listed"),
        ("list?symbol=BTC/USD", "it is already listed"),
        ("list?symbol=btc", "is not a symbol: use BASE/QUOTE"),
    ],
)
async def test_fault_names_a_symbol_that_does_not_fit(
    stage: Stage, text: str, message: str
) -> None:
    with pytest.raises(FaultError, match="symbol=") as wrong:
        stage.do(text)
    assert message in str(wrong.value)


async def test_updates_counts_what_would_have_been_sent(stage: Stage) -> None:
    listing = stage.exchange.listing("BTC/USD")
    async with (
        stage.follower() as (shallow, _),
        stage.follower(depth=25) as (deeper, _),
        stage.follower(depth=1000) as (deepest, _),
    ):
        stage.move(100)
        counts = listing.shown()
        for client, depth in ((shallow, 10), (deeper, 25), (deepest, 1000)):
            assert len(books(await answered(client))) == counts[depth]
        assert 100 == counts[10] < counts[25] < counts[100] < counts[1000]
        stage.do("swallow?symbol=BTC/USD&count=20")
        stage.move(30)
        assert len(books(await answered(shallow))) == 10
        assert listing.shown()[10] == 130
