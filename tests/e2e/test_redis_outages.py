"""Redis is not up yet, hangs, or loses its data: the books continue with their state."""

from __future__ import annotations

from time import monotonic

from lab.ports import free_port
from lab.services import Api, Collector
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
FROZEN_SECONDS = 10.0


def wait_until_all_move(collector: Collector, api: Api, redis: EmbeddedRedis) -> None:
    """Return when every book is live in collector and api, and its stream moves."""
    collector.wait_until_live(len(SYMBOLS))
    api.answers("/readyz")
    api.wait_until_live(*SYMBOLS)
    streams = StoredBooks(redis.url)
    for symbol in SYMBOLS:
        streams.wait_for_seq(symbol, streams.last_seq(symbol) + 5)
        assert streams.ladder(symbol).status == "live"
    streams.close()


def test_service_started_before_redis_logs_its_wait_and_then_works(stage: Stage) -> None:
    redis = EmbeddedRedis(free_port())
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS))
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)

    collector.wait_for_line("lease request failed, retrying")
    api.wait_for_line("redis unavailable, streams wait")
    collector.wait_until_live(len(SYMBOLS))
    assert collector.get("/healthz").json()["status"] == "ok"
    for path in ("/readyz", "/symbols", "/books", "/depth/BTC%2FUSD"):
        answer = api.get(path)
        assert answer.status_code == 503, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"]
        assert "Redis cannot be reached" in answer.json()["detail"]
    with api.stream("BTC/USD") as stream, SseStream(api.url, "/best/BTC%2FUSD/stream") as best:
        waiting, *rest = stream.messages()
        # Every event of this stream is an answer, so it waits without a status.
        assert [each.comments for each in best.messages()] == [
            *(["kraken-book"], ["waiting: redis"], ["closing"])
        ]
    assert waiting.comments
    events = [message.event for message in rest if message.data]
    assert [(each["status"], each["reason"], each["seq"]) for each in events] == [
        ("syncing", "redis", None)
    ]
    # The stream ends so that its client reconnects, as an EventSource does.
    assert rest[-1].retry is not None

    with redis:
        wait_until_all_move(collector, api, redis)
        api.wait_for_line("redis available again")


def test_stream_resumed_while_redis_hangs_continues_without_snapshot(
    stage: Stage,
) -> None:
    redis = stage.redis(port=free_port())
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "100")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)
    api.wait_until_live(*SYMBOLS)
    watch = api.watch("BTC/USD")
    stage.undo(watch.leave)
    watch.wait_for_seq(20)
    redis.freeze()
    stage.undo(redis.resume)
    streams = {"BTC/USD": watch.ids[-1] or "", "btc-usd": watch.ids[0] or ""}
    # Another replica has read no event.
    other = stage.api(redis.url)
    opened = {name: other.stream(name, Last_Event_ID=last) for name, last in streams.items()}
    first_events = {name: next(stream.events()) for name, stream in opened.items()}
    redis.resume()
    for name, stream in opened.items():
        event_id, status = first_events[name]
        assert (status["status"], status["reason"], event_id) == ("syncing", "redis", None)
        last = streams[name]
        first = next((event for each, event in stream.events() if each is not None), None)
        if first is None:
            # On a busy machine the stream may have timed out; the client reconnects then.
            with other.stream(name, Last_Event_ID=last) as again:
                first = next(event for each, event in again.events() if each is not None)
        assert (first["kind"], first["seq"]) == ("update", int(last.partition("-")[2]) + 1)
        stream.close()


def test_redis_that_hangs_or_returns_empty_costs_no_book(
    stage: Stage,
) -> None:
    redis = stage.redis(port=free_port())
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "300")
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS), STREAM_MAXLEN="1000000"
    )
    api = stage.api(redis.url)
    collector.wait_until_live(len(SYMBOLS))
    api.wait_until_live(*SYMBOLS)
    watches = {symbol: api.watch(symbol) for symbol in SYMBOLS}
    for watch in watches.values():
        stage.undo(watch.leave)
        watch.wait_for_seq(20)

    redis.freeze()
    thawed = monotonic() + FROZEN_SECONDS
    assert api.get("/healthz").status_code == 200
    assert api.get("/readyz").status_code == 503
    assert api.get("/depth/BTC%2FUSD").status_code == 503
    collector.wait_for_line("redis unavailable, events wait in memory")
    api.wait_for_line("redis unavailable, streams wait")
    wait_until(lambda: monotonic() >= thawed, "the ten seconds are over")
    redis.resume()

    collector.wait_for_line("redis available again")
    wait_until_all_move(collector, api, redis)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    for symbol, watch in watches.items():
        # No call of unknown outcome was stored twice or lost.
        ladder = streams.ladder(symbol)
        watch.wait_for_seq(ladder.seq)
        watch.check()
        assert watch.ladder.counts.lagged == 0
        assert watch.ladder.status == "live"
        # All waiting events fitted into the queue and were written.
        assert watch.ladder.counts.conflated == 0

    before = {symbol: streams.ladder(symbol).position for symbol in SYMBOLS}
    redis.kill()
    api.answers("/readyz", 503)
    collector.wait_for_line("redis unavailable, events wait in memory", count=2)
    redis.start()
    collector.wait_for_line("redis available again", count=2)
    wait_until_all_move(collector, api, redis)
    wait_until(lambda: set(streams.states()) == set(SYMBOLS), "kraken:symbols is back")
    wait_until(
        lambda: api.get("/symbols").json() == sorted(SYMBOLS),
        "/symbols, which an api may keep for a second, has them again",
    )
    for symbol, watch in watches.items():
        place = before[symbol]
        assert place is not None
        (first, *_) = streams.events(symbol)
        assert first["kind"] == "snapshot"
        # Redis forgot the numbers; the collector continues them from memory.
        assert (first["epoch"], first["seq"]) > place
        assert first["seq"] > place.seq
        assert first["conflated"] is None or first["conflated"] >= 0
        watch.wait_for_seq(streams.ladder(symbol).seq)
        watch.check()
        assert watch.ladder.status == "live"
    assert collector.metric("kraken_book_resyncs_total") == 0
    assert collector.metric("kraken_book_reconnects_total") == 0
