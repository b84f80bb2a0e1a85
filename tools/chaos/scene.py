"""What the faults happen to: a feed, a collector with two connections, an api, a Redis."""

from __future__ import annotations

from dataclasses import dataclass

from lab.processes import Api, Collector, Simulator, Stage, Streams, own_port
from launcher.embedded_redis import EmbeddedRedis

# One for each step that doubts a book: each doubt of the same one is waited out longer.
HIT = tuple(f"H{number:02}/USD" for number in range(20))
BESIDE, ELSEWHERE = "ETH/USD", "SOL/USD"
_FIRST_CONNECTION = (*HIT, BESIDE)
_MOVES_A_SECOND = 1500
# The default, 300 s, is longer than the story; all else is as it comes.
_QUIET_SECONDS = 10


@dataclass(frozen=True)
class Scene:
    """The processes that faults happen to; `streams` looks into Redis."""

    redis: EmbeddedRedis
    simulator: Simulator
    collector: Collector
    api: Api
    streams: Streams


def open_scene(stage: Stage) -> Scene:
    """Start everything; returns once all books are live."""
    redis = stage.redis()
    symbols = (*_FIRST_CONNECTION, ELSEWHERE)
    simulator = stage.simulator(
        *("--rate", str(_MOVES_A_SECOND), "--symbols", ",".join(symbols)),
        # Known beforehand, so that it is the same after a restart.
        *("--control", str(own_port())),
        port=own_port(),
    )
    collector = stage.collector(
        redis.url,
        simulator.url,
        # With the wildcard a pair that is new is followed too, on the second connection.
        KRAKEN_SYMBOLS=f"{','.join(symbols)},N*/USD",
        KRAKEN_SYMBOLS_PER_CONNECTION=str(len(_FIRST_CONNECTION)),
        KRAKEN_QUIET_RESYNC=str(_QUIET_SECONDS),
    )
    api = stage.api(redis.url)
    api.wait_until_live(*symbols)
    streams = Streams(redis.url)
    stage.undo(streams.close)
    return Scene(redis, simulator, collector, api, streams)
