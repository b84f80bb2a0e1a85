"""A run: a recorder that is killed at random among faults, the audit of its files, and a replay."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path

from kraken_book.recording.recorder import JOURNAL
from kraken_book.recording.recovery import recover_books
from lab.fork_server import ROOT, base_environment
from lab.ports import free_port
from lab.process import Process
from lab.services import Api, Collector, SimulatorProcess
from lab.stage import Stage
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis
from tools.faults import FaultMaker
from tools.recording.audit import FilesAudit, audit_files, differences
from tools.recording.files import BOOKS, events_in
from tools.recording.witness import Witness
from tools.soak.memory import MemorySampler
from tools.soak.run import LIVE_TIMEOUT, symbols_of

FAULT_INTERVAL = 3.0
API_KILLS = 6
REDIS_RESTARTS = 2
REPLAY_SPEED = 10
MAX_GROWTH = 0.1
"""The permitted growth of the memory of the recorder that is not killed, as a share."""
MIN_SECONDS_FOR_MEMORY = 300.0
FIFTHS = 5
_ROTATE_SECONDS = "60"
_COMMAND_TIMEOUT = 600.0


@dataclass(frozen=True)
class RecordingOptions:
    """The size of a run."""

    seconds: float
    symbols: int
    rate: float
    kills: int
    seed: int


@dataclass
class Outcome:
    """The result of a run."""

    options: RecordingOptions
    faults: int = 0
    kills: int = 0
    api_kills: int = 0
    redis_restarts: int = 0
    seen: int = 0
    """The events that the witness saw."""
    audits: dict[str, FilesAudit] = field(default_factory=dict)
    """The audit of each recorder's files."""
    verify: list[str] = field(default_factory=list)
    """The last lines of `kraken-book verify`."""
    reported_gaps: int = 0
    replayed: int = 0
    """The snapshots and updates that the recorder of the replay has."""
    replay_seconds: float = 0.0
    memory: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


class RecordingRun:
    """Two recorders, one of which is killed, beside a witness; then a replay into another Redis.

    Args:
        folder: The folder of the recordings.
        options: The size of the run.
        report_progress: Called with a line at each stage of the run.

    Attributes:
        outcome: The result.

    """

    def __init__(
        self, folder: Path, options: RecordingOptions, report_progress: Callable[[str], None]
    ) -> None:
        self.outcome = Outcome(options)
        self._options = options
        self._report_progress = report_progress
        self._symbols = symbols_of(options.symbols)
        self._folder = folder
        self._killed, self._steady = folder / "killed", folder / "steady"

    def record(self, stage: Stage) -> None:
        """Record among kills and faults until both recorders have the last event."""
        redis = stage.redis(port=free_port())
        simulator = stage.simulator(
            *("--symbols", ",".join(self._symbols), "--rate", str(self._options.rate)),
            *("--control", "0", "--log-level", "warning"),
        )
        collector = stage.collector(
            redis.url,
            simulator.url,
            KRAKEN_SYMBOLS=",".join(self._symbols),
            # The maximum: connections end more often here than at an exchange.
            KRAKEN_CONNECTS_PER_10_MIN="150",
            LOG_LEVEL="error",
        )
        api = stage.api(redis.url, LOG_LEVEL="error")
        api.wait_until_live(*self._symbols)
        killed, steady = (
            self._recorder(stage, api.url, folder) for folder in (self._killed, self._steady)
        )
        memory = MemorySampler([steady])
        for folder in (self._killed, self._steady):
            wait_until(partial(_has_books, folder, len(self._symbols)), f"{folder.name} has begun")
        with Witness(api.url) as witness:
            with memory:
                self._disturb(simulator, api, redis, killed)
            self._report_progress("waiting for the last events")
            self._finish(simulator, collector, witness)
        outcome = self.outcome
        outcome.seen, outcome.memory = len(witness.seen), memory.fifths(steady.name)
        outcome.broken += witness.broken
        for recorder in (killed, steady):
            if (code := recorder.stop()) != 0:
                outcome.broken.append(f"a recorder ended with {code}")
            if "Traceback" in recorder.log:
                outcome.broken.append(f"a recorder logged a traceback: {recorder.log[-2000:]}")
        for folder in (self._killed, self._steady):
            audit = audit_files(events_in(folder), witness.seen)
            outcome.audits[folder.name] = audit
            outcome.broken += (f"{folder.name}: {each}" for each in audit.broken[:20])

    def _finish(self, simulator: SimulatorProcess, collector: Collector, witness: Witness) -> None:
        """End the events, and return when the witness and both recorders have the last."""
        simulator.lift_faults()
        count = len(self._symbols)
        wait_until(lambda: collector.live() == count, "all books are live", LIVE_TIMEOUT)
        assert collector.stop() == 0
        wait_until(lambda: len(witness.stopped) == count, "the witness has the last events")
        for folder in (self._killed, self._steady):
            self._wait_until_recorded(folder, witness)

    def prove(self) -> None:
        """Verify the files of the killed recorder, and compare its gaps with the report's."""
        outcome = self.outcome
        verified = _command("verify", str(self._killed))
        outcome.verify = verified.stdout.splitlines()[-2:]
        if verified.returncode:
            outcome.broken.append(f"verify exits with {verified.returncode}: {verified.stdout}")
        reported = _command("report", "--json", str(self._killed)).stdout.splitlines()
        gaps: dict[str, int] = {}
        for day in map(json.loads, reported):
            gaps[day["symbol"]] = gaps.get(day["symbol"], 0) + day["gaps"]
        outcome.reported_gaps = sum(gaps.values())
        for symbol, found in outcome.audits[self._killed.name].gaps.items():
            if gaps.get(symbol, 0) < len(found):
                outcome.broken.append(
                    f"{symbol}: {len(found)} gaps, report names {gaps.get(symbol, 0)}"
                )

    def replay(self, stage: Stage) -> None:
        """Replay the files, record the replay, and compare both recordings event for event."""
        redis = stage.redis()
        api = stage.api(redis.url, LOG_LEVEL="error")
        folder = self._folder / "replayed"
        recorder = self._recorder(stage, api.url, folder)
        outcome, recorded = self.outcome, events_in(self._killed)
        with Witness(api.url) as witness:
            begun = time.monotonic()
            replay = _command(
                *("replay", str(self._killed), "--redis-url", redis.url),
                *("--speed", str(REPLAY_SPEED)),
            )
            outcome.replay_seconds = time.monotonic() - begun
            if replay.returncode:
                outcome.broken.append(f"replay exits with {replay.returncode}: {replay.stderr}")
            wait_until(lambda: witness.stopped >= recorded.keys(), "the replay has ended")
            self._wait_until_recorded(folder, witness)
        assert recorder.stop() == 0, recorder.log
        replayed = events_in(folder)
        outcome.replayed = sum(
            event.content.kind in BOOKS for events in replayed.values() for event in events
        )
        outcome.broken += differences(recorded, replayed)

    def _recorder(self, stage: Stage, url: str, folder: Path) -> Process:
        options = ("--rotate-seconds", _ROTATE_SECONDS, "--wait", "0")
        return stage.program("kraken_book", "record", "--url", url, "--dir", str(folder), *options)

    def _disturb(
        self, simulator: SimulatorProcess, api: Api, redis: EmbeddedRedis, recorder: Process
    ) -> None:
        """Do all faults, kills and restarts, each at its random time."""
        options, outcome = self._options, self.outcome
        choice = random.Random(options.seed)
        faults = FaultMaker(self._symbols, options.seed)

        def inject() -> None:
            outcome.faults += 1
            for fault in faults.next():
                simulator.fault(fault)

        def kill_recorder() -> None:
            outcome.kills += 1
            _kill(recorder)

        def kill_api() -> None:
            outcome.api_kills += 1
            _kill(api)

        def restart_redis() -> None:
            outcome.redis_restarts += 1
            redis.restart()

        counts = {
            inject: int(options.seconds / FAULT_INTERVAL),
            kill_recorder: options.kills,
            kill_api: API_KILLS,
            restart_redis: REDIS_RESTARTS,
        }
        steps = sorted(
            (
                (choice.uniform(0, options.seconds), step)
                for step, count in counts.items()
                for _ in range(count)
            ),
            key=itemgetter(0),
        )
        begun = time.monotonic()
        for due, step in [*steps, (options.seconds, lambda: None)]:
            time.sleep(max(0.0, begun + due - time.monotonic()))
            step()

    def _wait_until_recorded(self, folder: Path, witness: Witness) -> None:
        """Return when the journal in `folder` has the last event of every book."""
        ends: dict[str, tuple[int, int]] = {}
        for symbol, epoch, seq in witness.seen:
            ends[symbol] = max(ends.get(symbol, (0, 0)), (epoch, seq))

        def has_all() -> bool:
            books = recover_books(folder / JOURNAL).start.books
            have = {book.symbol: (book.epoch or 0, book.seq or 0) for book in books}
            return all(have.get(symbol, (0, 0)) >= end for symbol, end in ends.items())

        wait_until(has_all, f"{folder.name} has the last events")


def broken_promises(outcome: Outcome) -> list[str]:
    """Return the broken promises of a run."""
    broken = list(outcome.broken)
    if len(outcome.memory) == FIFTHS and outcome.options.seconds >= MIN_SECONDS_FOR_MEMORY:
        _, before, *_, after = outcome.memory
        if after > before * (1 + MAX_GROWTH):
            broken.append(f"the recorder's memory grew by {after / before - 1:.0%}")
    if not outcome.seen:
        broken.append("the witness saw no event")
    return broken


def _has_books(folder: Path, count: int) -> bool:
    return len(recover_books(folder / JOURNAL).start.books) == count


def _kill(process: Process) -> None:
    process.kill()
    process.restart()


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kraken_book", *arguments],
        cwd=ROOT,
        env=base_environment(),
        capture_output=True,
        text=True,
        timeout=_COMMAND_TIMEOUT,
        check=False,
    )
