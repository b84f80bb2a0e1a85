"""A service whose log nobody reads, whose terminal is closed, or whose disk is full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from lab.ports import free_port
from lab.process import ROOT
from lab.services import SimulatorProcess
from lab.stage import Stage
from lab.waiting import DEADLINE, wait_until
from launcher.embedded_redis import EmbeddedRedis

# More than fits into a pipe (64 KiB): each request logs more than 200 bytes.
REQUESTS = 400


@pytest.fixture(scope="module")
def redis(module_stage: Stage) -> EmbeddedRedis:
    return module_stage.redis()


class Started:
    """A service with a given output; its standard error is in `complaints`."""

    def __init__(
        self, folder: Path, module: str, redis: EmbeddedRedis, output: int, shell: str
    ) -> None:
        self.port = free_port()
        self._errors = folder / f"{self.port}.err"
        variable = "COLLECTOR_PORT" if module == "collector" else "API_PORT"
        arguments = "" if module != "simulator" else f" --port {self.port}"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", f'exec "{sys.executable}" -m {module}{arguments} {shell}'],
                cwd=folder,
                env={
                    "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LOG_FORMAT": "json",
                    "REDIS_URL": redis.url, "KRAKEN_URL": "ws://127.0.0.1:1/v2",
                    variable: str(self.port),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )  # fmt: skip

    def get(self, path: str) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        # Each client would load the certificates, in 20 ms of CPU.
        return httpx.get(url, timeout=20, trust_env=False, verify=False)

    def wait_until_up(self) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, self.complaints
            try:
                return self.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answers, "the service answers")

    @property
    def complaints(self) -> str:
        return self._errors.read_text()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def undo() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("output", ["unread pipe", "full disk", "all closed"])
def test_api_with_unread_log_answers_and_ends_in_time(
    redis: EmbeddedRedis, tmp_path: Path, undo: ExitStack, output: str
) -> None:
    reader, writer = os.pipe()
    undo.callback(os.close, reader)
    shell = {
        "unread pipe": "",
        "full disk": ">/dev/full",
        "all closed": "<&- >&- 2>&-",
    }[output]
    api = Started(tmp_path, "api", redis, writer, shell)
    undo.callback(api.close)
    os.close(writer)
    api.wait_until_up()
    url = f"http://127.0.0.1:{api.port}"
    with httpx.Client(base_url=url, trust_env=False, verify=False) as client:
        for _ in range(REQUESTS):
            assert client.get("/nothing").status_code in (404, 503)

        def count_dropped() -> float:
            text = client.get("/metrics").text
            return float(text.split("\nkraken_book_log_lines_dropped_total ")[1].split()[0])

        if output != "unread pipe":
            # A thread writes the lines, so the count of lost lines grows later.
            wait_until(lambda: count_dropped() >= REQUESTS, "all lines are counted")
    api.process.send_signal(signal.SIGTERM)
    assert api.process.wait(DEADLINE) == 0
    assert api.complaints == ""


@pytest.mark.parametrize(
    ("module", "end"),
    [
        ("api", "pipe closed"),
        ("simulator", "pipe closed"),
        ("collector", "terminal closed"),
        ("simulator", "SIGHUP"),
    ],
)
def test_service_stops_in_order_when_log_reader_is_gone(
    redis: EmbeddedRedis, tmp_path: Path, undo: ExitStack, module: str, end: str
) -> None:
    reader, writer = os.openpty() if end == "terminal closed" else os.pipe()
    service = Started(tmp_path, module, redis, writer, "")
    undo.callback(service.close)
    os.close(writer)
    service.wait_until_up()
    if end == "SIGHUP":
        undo.callback(os.close, reader)
        service.process.send_signal(signal.SIGHUP)
    else:
        os.close(reader)
    assert service.process.wait(DEADLINE) == 0
    assert service.complaints == ""


def test_service_under_nohup_outlives_terminal(
    redis: EmbeddedRedis, tmp_path: Path, undo: ExitStack
) -> None:
    ignoring = "import signal, runpy; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
    port = free_port()
    api = subprocess.Popen(
        [sys.executable, "-c", f"{ignoring} runpy.run_module('api', run_name='__main__')"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT),
            "REDIS_URL": redis.url, "API_PORT": str(port),
        },
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    undo.callback(api.wait)
    undo.callback(api.kill)

    def answers() -> bool:
        try:
            url = f"http://127.0.0.1:{port}/healthz"
            return httpx.get(url, trust_env=False, verify=False).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers, "the api answers")
    api.send_signal(signal.SIGHUP)
    assert answers()
    api.send_signal(signal.SIGTERM)
    assert api.wait(DEADLINE) == 0


def test_collector_stops_in_order_at_sighup(stage: Stage) -> None:
    redis = stage.redis()
    simulator: SimulatorProcess = stage.simulator("--symbols", "BTC/USD")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(redis.url)
    api.wait_until_live("BTC/USD")
    watch = api.watch("BTC/USD")
    stage.undo(watch.leave)
    watch.wait_for(lambda event: event.get("kind") == "update", "an update")
    assert collector.stop(signal.SIGHUP) == 0
    watch.wait_for(lambda event: event.get("reason") == "stopped", "the collector's goodbye")
    assert collector.lines("stopping")[0]["signal"] == "SIGHUP"
    assert api.stop(signal.SIGHUP) == 0
    assert api.lines("stopped")
    wait_until(watch.ended.is_set, "the stream ends")
    assert watch.farewell is not None
