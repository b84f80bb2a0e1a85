"""Replace collector and replicas of the last release by those of this source, and back.

All pairings occur: an old collector with old and new replicas, a new one with both, and clients of
both releases at replicas of both. Readers roam over the replicas and resume, while each process is
replaced as docs/operations.md says.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

from lab.ports import free_port
from lab.process import Process
from lab.release import Release
from lab.services import Api, Collector
from lab.sse.roaming import Published, RoamingReader
from lab.stage import Stage
from lab.waiting import wait_until
from tools.upgrade.account import UpgradeOutcome, check_client

Age = Literal["old", "new"]
AGES: tuple[Age, Age] = ("old", "new")
SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOGE/USD")
REPLICAS = len(AGES)


@dataclass(frozen=True)
class UpgradeOptions:
    """How much happens.

    Attributes:
        rounds: Upgrades, each followed by going back.
        books: Books, at most as many as `SYMBOLS`.
        rate: Moves per second of the simulated markets.
        events: The events that each client prints after each replacement.
        readers: Roaming readers of each book.
        seed: The seed of the readers.

    """

    rounds: int = 3
    books: int = 6
    rate: float = 500.0
    events: int = 500
    readers: int = 3
    seed: int = 1

    symbols: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", SYMBOLS[: self.books])


class UpgradeRun:
    """The processes of an upgrade, and their readers.

    Args:
        stage: Starts the processes.
        release: The last release.
        options: How much happens.
        report_progress: Called with a line at each step.

    """

    def __init__(
        self,
        stage: Stage,
        release: Release,
        options: UpgradeOptions,
        report_progress: Callable[[str], object] = print,
    ) -> None:
        self.outcome = UpgradeOutcome()
        self._stage = stage
        self._release = release
        self._options = options
        self._report_progress = report_progress
        self._redis = stage.redis()
        self._simulator = stage.simulator(
            *("--symbols", ",".join(options.symbols), "--rate", f"{options.rate:g}")
        )
        self._collector = self._start_collector("old")
        self._ports = [str(free_port()) for _ in range(REPLICAS)]
        self._replicas = [self._start_replica("old", port) for port in self._ports]
        self._clients = {
            # Each replica is of both releases in turn.
            f"the {age} client at replica {number}": self._start_client(age, replica)
            for number, (age, replica) in enumerate(zip(AGES, self._replicas, strict=True), 1)
        }

    def run(self) -> None:
        """Upgrade and go back; fail with AssertionError if a step takes too long."""
        for replica in self._replicas:
            replica.wait_until_live(*self._options.symbols)
        urls = [replica.url for replica in self._replicas]
        published = Published()
        readers = [
            RoamingReader(urls, symbol, self._options.seed + number, published)
            for number in range(self._options.readers)
            for symbol in self._options.symbols
        ]
        with ExitStack() as reading:
            for reader in readers:
                reading.enter_context(reader)
            self._wait_for_events()
            for _ in range(self._options.rounds):
                self._replace_all()
            for reader in readers:
                reader.begin_stop()
        for reader in readers:
            self.outcome.met.update(reader.met)
        self.outcome.errors += [reader.error for reader in readers if reader.error]
        for name, client in self._clients.items():
            check_client(self.outcome, name, client.log)

    def _replace_all(self) -> None:
        """Replace everything by the new release in the order of the runbook, then by the old one.

        A replica of the old release stays until the new collector leads, so that all pairings
        occur.
        """
        for age in ("new", "old"):
            self._replace_replica(0, age)
            self._replace_collector(age)
            self._replace_replica(1, age)

    def _replace_replica(self, index: int, age: Age) -> None:
        self._replicas[index].stop()
        self._replicas[index] = self._start_replica(age, self._ports[index])
        self._replicas[index].wait_until_live(*self._options.symbols)
        self._end_step(f"replica {index + 1} is {self._name(age)}")

    def _replace_collector(self, age: Age) -> None:
        leader, standby = self._collector, self._start_collector(age)
        standby.wait_for_line("another collector leads this shard, waiting")
        standby.wait_until_live(len(self._options.symbols))
        leader.stop()
        wait_until(
            lambda: standby.get("/healthz").json()["epoch"] is not None, f"the {age} one leads"
        )
        self._collector = standby
        self._end_step(f"the collector is {self._name(age)}")

    def _end_step(self, step: str) -> None:
        self._report_progress(step)
        self.outcome.steps.append(step)
        for replica in self._replicas:
            replica.wait_until_live(*self._options.symbols)
        self._wait_for_events()

    def _wait_for_events(self) -> None:
        """Return when each client has printed more events."""
        for name, client in self._clients.items():
            enough = _count(client) + self._options.events

            def has_printed(client: Process = client, enough: int = enough) -> bool:
                assert client.process.poll() is None, client.log[-2000:]
                return _count(client) >= enough

            wait_until(has_printed, f"{name} prints {self._options.events} events")

    def _name(self, age: Age) -> str:
        return self._release.name if age == "old" else "this source"

    def _path(self, age: Age) -> dict[str, str]:
        return {"PYTHONPATH": str(self._release.folder)} if age == "old" else {}

    def _start_collector(self, age: Age) -> Collector:
        return self._stage.collector(
            self._redis.url,
            self._simulator.url,
            KRAKEN_SYMBOLS=",".join(self._options.symbols),
            **self._path(age),
        )

    def _start_replica(self, age: Age, port: str) -> Api:
        return self._stage.api(self._redis.url, API_PORT=port, **self._path(age))

    def _start_client(self, age: Age, replica: Api) -> Process:
        arguments = ("watch", "--json", "--wait", "0", "--url", replica.url)
        return self._stage.program(
            "kraken_book", *arguments, *self._options.symbols, **self._path(age)
        )


def _count(client: Process) -> int:
    # Parsing all lines at each look takes longer than the events.
    return client.log.count('"kind":"')
