"""A service that is forked against the same service as a real `python -m`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kraken_book
from kraken_book.speedups import PURE_VARIABLE
from lab.fork_server import ForkServer
from lab.process import Process
from lab.process_table import is_running
from lab.services import HttpService
from lab.stage import Stage
from lab.waiting import wait_until

Start = Callable[[Stage, str], Process]


def start_api(stage: Stage, redis_url: str) -> Process:
    return stage.api(redis_url)


def start_collector(stage: Stage, redis_url: str) -> Process:
    collector = stage.collector(redis_url, "ws://127.0.0.1:9", KRAKEN_SYMBOLS="BTC/USD")
    collector.answers("/healthz")
    return collector


def start_simulator(stage: Stage, _redis_url: str) -> Process:
    return stage.simulator("--symbols", "BTC/USD", "--control", "0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Resolved, to be compared with what the kernel returns.
    return tmp_path.resolve()


@pytest.fixture
def stages(folder: Path, fork_server: ForkServer) -> Iterator[tuple[Stage, Stage]]:
    """A stage of forked processes, and one of real ones."""
    (folder / "forked").mkdir()
    (folder / "real").mkdir()
    with Stage(folder / "forked", fork_server) as forked, Stage(folder / "real") as real:
        yield forked, real


@pytest.mark.parametrize("start", [start_api, start_collector, start_simulator])
def test_forked_service_is_like_real_one(
    stages: tuple[Stage, Stage], real_redis_url: str, start: Start
) -> None:
    forked, real = (start(stage, real_redis_url) for stage in stages)
    assert isinstance(real.process, subprocess.Popen)
    assert not isinstance(forked.process, subprocess.Popen)
    assert facts_of(forked) == facts_of(real)
    assert forked.stop() == real.stop() == 0
    assert last_line(forked) == last_line(real)


def facts_of(service: Process) -> dict[str, object]:
    """Return the observable properties of a service that are the same in each run."""
    pid = service.process.pid
    proc = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    names = ("SigBlk", "SigIgn", "SigCgt", "NoNewPrivs")
    return {
        **{name: status[name].strip() for name in names},
        "leads its process group": os.getpgid(pid) == pid,
        "folder": (proc / "cwd").readlink().name in ("forked", "real"),
        "standard input": (proc / "fd/0").readlink(),
        # Kinds without their counts, because connections come and go.
        "descriptors": {kind_of(each) for each in (proc / "fd").iterdir()} - {""},
        "answers": answers_of(service) if isinstance(service, HttpService) else None,
    }


def kind_of(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink()).partition(":")[0].rpartition("/")[2]
    except FileNotFoundError:
        return ""


def answers_of(service: HttpService) -> list[object]:
    metrics = service.get("/metrics").text.splitlines()
    unknown = service.get("/unknown")
    return [
        service.get("/healthz").json().keys(),
        (unknown.status_code, sorted(unknown.headers), unknown.text),
        sorted(line for line in metrics if line.startswith("# TYPE")),
    ]


def last_line(service: Process) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(service.log.splitlines()[-1])
    del line["timestamp"]
    return line


def test_forked_process_reports_kill(stages: tuple[Stage, Stage]) -> None:
    simulator = stages[0].simulator()
    with pytest.raises(subprocess.TimeoutExpired):
        simulator.process.wait(0.01)
    assert simulator.process.poll() is None
    simulator.process.send_signal(signal.SIGKILL)
    assert simulator.process.wait(10) == -signal.SIGKILL
    assert simulator.process.poll() == -signal.SIGKILL
    simulator.process.terminate()


def test_forked_process_reports_exit_code_and_error(stages: tuple[Stage, Stage]) -> None:
    refused = stages[0].refused("collector", KRAKEN_DEPTH="11")
    assert refused.wait_for_end() == 2
    assert "KRAKEN_DEPTH" in refused.log


@pytest.mark.process
def test_services_end_when_the_connection_to_the_fork_server_breaks(folder: Path) -> None:
    server = ForkServer()
    with Stage(folder, server) as stage:
        simulator = stage.simulator()
        server.close()
        wait_until(lambda: not is_running(simulator.process.pid), "the simulator has ended")
        assert simulator.process.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("module", "variable"),
    [
        ("api", "PYTHONDEVMODE"),
        ("api", "LC_ALL"),
        ("api", PURE_VARIABLE),
        ("kraken_book", "LOG_FORMAT"),
    ],
)
def test_fork_server_refuses_what_a_fork_would_do_differently(module: str, variable: str) -> None:
    assert ForkServer.can_start(["api"], {"LOG_FORMAT": "json"})
    assert not ForkServer.can_start([module], {variable: "another"})


def test_collector_has_the_hot_path_of_the_tests(
    stages: tuple[Stage, Stage], real_redis_url: str
) -> None:
    for stage in stages:
        collector = start_collector(stage, real_redis_url)
        lines = map(json.loads, collector.log.splitlines())
        started = next(line for line in lines if line["event"] == "collector started")
        assert started["speedups"] == kraken_book.__speedups__
