"""The system under test: two collectors, two replicas, Redis with a Sentinel, and a recorder.

One collector and one replica are kept for the whole run, so that what grows in them shows. The
other ones are replaced again and again.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from lab.balancer import Balancer
from lab.ports import free_port
from lab.process import Process
from lab.redis_fleet import RedisServer, SentinelFleet, is_master
from lab.services import Api, Collector, SimulatorProcess
from lab.stage import Stage
from lab.waiting import wait_for, wait_until
from simulator.market.catalogue import CATALOGUE

SYMBOLS = tuple(CATALOGUE)[:20]
MOVES_PER_SECOND = 800
RECORDING_ROTATE_SECONDS = 15
TAPE_MAX_BYTES = 10_000_000
STREAM_RETENTION = 30
ELECTION_TIMEOUT = 180.0
"""A Sentinel does nothing for 30 s each time that it was delayed, as on a busy machine."""
PROMOTION_SECONDS = 20.0


class KeyFile:
    """The key file of the replicas: a key that stays, and one that is replaced by the next.

    Args:
        path: The file.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept, self.current = _new_key(), _new_key()
        self._write({"kept": self.kept, "current": self.current})

    def add_next(self) -> str:
        """Add another key beside the current one, and return it."""
        following = _new_key()
        self._write({"kept": self.kept, "current": self.current, "next": following})
        return following

    def replace_current(self, following: str) -> str:
        """Let the next key be the current one; return the key that is no longer valid."""
        old, self.current = self.current, following
        self._write({"kept": self.kept, "current": following})
        return old

    def _write(self, keys: Mapping[str, str]) -> None:
        entries = [
            {"name": name, "sha256": hashlib.sha256(key.encode()).hexdigest(), "symbols": "*"}
            for name, key in keys.items()
        ]
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"keys": entries}))
        new.replace(self.path)


class House:
    """The running processes.

    Args:
        stage: The stage of the processes.
        folder: The folder of tapes, recording and key file.

    """

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.keys = KeyFile(folder / "keys.json")
        self.fleet = stage.enter(SentinelFleet(folder))
        self.fleet.wait_longer_for_promotions(PROMOTION_SECONDS)
        self.simulator: SimulatorProcess = stage.simulator(
            *("--symbols", ",".join(SYMBOLS), "--rate", str(MOVES_PER_SECOND)),
            *("--control", "0", "--log-level", "warning"),
        )
        self.tapes = folder / "tape-kept", folder / "tape-replaced"
        self.collector, self.other_collector = (self._collector(stage, t) for t in self.tapes)
        for collector in (self.collector, self.other_collector):
            collector.wait_until_live(len(SYMBOLS))
        self.api, self.other_api = (self._api(stage) for _ in range(2))
        self.balancer = stage.enter(Balancer((self.api, self.other_api)))
        wait_until(lambda: len(self.balancer.ready) == 2, "both replicas are ready")
        self.recording = folder / "rec"
        self.recorder: Process = stage.program(
            "kraken_book",
            *("record", "--url", self.balancer.url, "--dir", str(self.recording)),
            *("--rotate-seconds", str(RECORDING_ROTATE_SECONDS)),
            KRAKEN_BOOK_KEY=self.keys.kept,
        )

    def master(self) -> RedisServer:
        """Return the server that the Sentinel names as the master, when it is one.

        A master that was replaced is one too, until the Sentinel has demoted it.
        """

        def named() -> RedisServer | None:
            port = self.fleet.named_master()
            servers = self.fleet.master, self.fleet.replica
            return next((each for each in servers if each.port == port and is_master(each)), None)

        return wait_for(named, "there is a master", ELECTION_TIMEOUT)

    def leader(self) -> Collector:
        """Return the collector that leads, when there is one."""
        collectors = self.collector, self.other_collector
        return wait_for(
            lambda: next((each for each in collectors if leads(each)), None),
            "a collector leads",
            ELECTION_TIMEOUT,
        )

    def _collector(self, stage: Stage, tape: Path) -> Collector:
        return stage.collector(
            self.fleet.url,
            self.simulator.url,
            KRAKEN_SYMBOLS=",".join(SYMBOLS),
            # The maximum: connections end more often here than at an exchange.
            KRAKEN_CONNECTS_PER_10_MIN="150",
            COLLECTOR_LEASE="3",
            COLLECTOR_TAPE=str(tape),
            COLLECTOR_TAPE_MAX_GB=str(TAPE_MAX_BYTES / 1e9),
            STREAM_RETENTION=str(STREAM_RETENTION),
            LOG_LEVEL="error",
        )

    def _api(self, stage: Stage) -> Api:
        return stage.api(
            self.fleet.url,
            API_KEYS_FILE=str(self.keys.path),
            # The metrics need no key there.
            API_OPS_PORT=str(free_port()),
            # The least: full within some minutes, so that its growth is over then.
            API_BUFFER_MB="16",
            API_DRAIN="1",
            LOG_LEVEL="error",
        )


def leads(collector: Collector) -> bool:
    """Return whether a collector publishes now; False if it does not run."""
    return collector.process.poll() is None and collector.metric("kraken_book_leading") == 1


def bearer(key: str) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"Authorization": f"Bearer {key}"}


def _new_key() -> str:
    return f"kb_{secrets.token_urlsafe(32)}"
