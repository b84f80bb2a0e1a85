"""Services with readers, a Prometheus that watches them, and faults, for the pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis

from lab.prometheus import REDIS_EXPORTER, Prometheus, start_redis_exporter
from lab.services import Collector, SimulatorProcess
from lab.sse.counting import CountingReaders, StreamAddress
from lab.stage import Stage
from tools.console import print_progress

SYMBOLS = "BTC/USD,ETH/USD,SOL/USD,XRP/USD,ADA/USD,DOGE/USD,LTC/USD,DOT/USD"
OTHERS = "BTC/USDT,ETH/USDT,SOL/USDT"
READERS = 20
INTERVAL = 5
MAX_MEMORY = 64_000_000


class Scene:
    """What runs.

    Attributes:
        prometheus: The Prometheus that watches it.
        simulator: Kraken's simulator.
        collectors: Kraken's collectors: one leads.
    """

    def __init__(
        self, prometheus: Prometheus, simulator: SimulatorProcess, collectors: list[Collector]
    ) -> None:
        self.prometheus = prometheus
        self.simulator = simulator
        self.collectors = collectors

    def leader(self) -> Collector:
        """Return the collector that leads."""
        return next(
            each
            for each in self.collectors
            if each.process.poll() is None and each.metric("kraken_book_leading") == 1
        )

    def faults(self) -> dict[str, Callable[[], object]]:
        """Return what goes wrong, by its name, in order."""
        fault = self.simulator.fault
        return {
            "checksums of 36 updates are wrong": lambda: [
                fault(f"corrupt?symbol={symbol}&count=6") for symbol in SYMBOLS.split(",")[:6]
            ],
            "the leader is killed": lambda: self.leader().kill(),
            "the venue sends nothing": lambda: (
                fault("refuse_connections?seconds=150") or fault("drop")
            ),
        }


@contextmanager
def open_scene(folder: Path) -> Iterator[Scene]:
    """Start everything; it ends with the context."""
    with Stage(folder) as stage, ExitStack() as undo:
        redis = stage.redis(port=0)
        with Redis.from_url(redis.url) as client:
            client.config_set("maxmemory", MAX_MEMORY)
        simulator = stage.simulator("--symbols", SYMBOLS, "--rate", "200", "--control", "0")
        collectors = [
            stage.collector(
                redis.url,
                simulator.url,
                KRAKEN_SYMBOLS=SYMBOLS,
                COLLECTOR_TAPE=str(folder / f"tape-{number}"),
            )
            for number in (1, 2)
        ]
        binance = stage.simulator("--venue", "binance", "--symbols", OTHERS, "--rate", "60")
        other = stage.venue_collector(redis.url, "binance", binance, BINANCE_SYMBOLS=OTHERS)
        replicas = [stage.api(redis.url) for _ in range(2)]
        for collector in (*collectors, other):
            collector.wait_until_live(3 if collector is other else 8)
        exporters = {}
        if REDIS_EXPORTER is not None:
            log = folder / "redis_exporter.log"
            exporters["redis-exporter:9121"] = start_redis_exporter(undo, log)
        targets = {
            "collector": [f"127.0.0.1:{each.port}" for each in (*collectors, other)],
            "api": [f"127.0.0.1:{each.port}" for each in replicas],
            "redis": [f"127.0.0.1:{redis.port}"] if exporters else [],
        }
        paths = [
            "/stream/BTC/USD",
            "/stream/ETH/USD",
            "/stream?symbols=*",
            "/stream/SOL/USD?levels=5",
        ]
        addresses = [
            StreamAddress(replica.port, paths[number % len(paths)])
            for replica in replicas
            for number in range(READERS)
        ]
        undo.enter_context(CountingReaders(addresses))
        prometheus = undo.enter_context(Prometheus(folder, targets, INTERVAL, exporters))
        yield Scene(prometheus, simulator, collectors)


def watch(scene: Scene, seconds: float) -> list[str]:
    """Inject the faults in equal distances, and return a line for each change of the alerts."""
    begun = time.monotonic()
    faults = list(scene.faults().items())
    lines: list[str] = []
    firing: set[str] = set()

    def note(line: str) -> None:
        lines.append(f"{time.monotonic() - begun:4.0f} s  {line}")
        print_progress(line)

    while (past := time.monotonic() - begun) < seconds:
        if faults and past > seconds * (1 - (len(faults) + 1) / 5):
            name, inject = faults.pop(0)
            note(name)
            inject()
        now = scene.prometheus.firing()
        for alert in sorted(now ^ firing):
            note(f"{alert} {'fires' if alert in now else 'has ended'}")
        firing = now
        time.sleep(1)
    return lines
