"""An event is followed by its id in the logs, from its frame to its reader."""

from __future__ import annotations

from typing import Any

from lab.process import Process
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.waiting import wait_for

SYMBOL = "BTC/USD"
TRACED = "info,collector.trace=debug,api.trace=debug"


def line(process: Process, event: str, **fields: Any) -> dict[str, Any]:
    """Return the line of an event of the log that has these fields, when it is written."""

    def found() -> dict[str, Any] | None:
        lines = process.lines(event)
        return next((each for each in lines if fields.items() <= each.items()), None)

    return wait_for(found, f"the line {event} {fields}")


def next_update(stream: SseStream) -> tuple[str | None, dict[str, Any]]:
    """Return the next update of a stream, with its id."""
    return next(each for each in stream.events() if each[1]["kind"] == "update")


def test_update_is_followed_from_its_frame_to_its_reader(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOL, "--rate", "50")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, LOG_LEVEL=TRACED)
    api = stage.api(redis.url, LOG_LEVEL=TRACED)
    api.wait_until_live(SYMBOL)
    with api.stream(SYMBOL) as stream:
        event_id, event = next_update(stream)

    of_event = {"symbol": SYMBOL, "epoch": event["epoch"], "seq": event["seq"]}
    assert line(api, "event written", id=event_id, stream=SYMBOL).items() >= of_event.items()
    assert line(api, "event read", id=event_id).items() >= of_event.items()
    published = line(collector, "event published", id=event_id)
    assert published.items() >= of_event.items()
    sent = line(collector, "event sent to redis", **of_event)
    assert published["checksum"] == sent["checksum"] == event["checksum"]
    assert sent["received_at"] == event["received_at"]
    frames = [
        each["frame"]
        for each in collector.lines("frame received")
        if each["received_at"] == event["received_at"]
    ]
    assert any(str(event["checksum"]) in frame for frame in frames)


def test_nothing_is_traced_at_the_usual_level(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOL)
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL)
    api = stage.api(redis.url)
    api.wait_until_live(SYMBOL)
    with api.stream(SYMBOL) as stream:
        next_update(stream)
    for process in (collector, api):
        assert ".trace" not in process.log
