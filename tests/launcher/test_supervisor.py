"""The end of a run: all processes end, and no file is left behind."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from urllib.request import urlopen

import pytest

from lab.process_table import catches, descendants, wait_for_command
from lab.waiting import DEADLINE, wait_until
from tests.launcher.conftest import Launch


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_stop_signal_ends_all_processes(launch: Launch, number: signal.Signals) -> None:
    launched = launch()
    launched.wait_until_up()
    # One reading of /proc may miss a process.
    wait_until(
        lambda: len(descendants(launched.process.pid)) == 4,
        "Redis and three services",
    )
    pids = descendants(launched.process.pid)

    assert launched.end(number) == 0

    launched.assert_nothing_left(pids)
    assert f"{number.name} received" in launched.log
    assert "Traceback" not in launched.log


def test_sigint_to_process_group_ends_services_by_sigterm(launch: Launch) -> None:
    launched = launch()
    pids = launched.wait_until_up()

    os.killpg(launched.process.pid, signal.SIGINT)

    assert launched.process.wait(DEADLINE) == 0
    launched.assert_nothing_left(pids)
    assert "collector stopped (rc=-15)" in launched.log, (
        "SIGTERM of the launcher, not SIGINT or SIGKILL"
    )
    assert "Traceback" not in launched.log


def test_repeated_signals_end_all_processes(launch: Launch) -> None:
    launched = launch()
    pids = launched.wait_until_up()

    assert launched.end(signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGINT) == 0

    launched.assert_nothing_left(pids)
    assert "Traceback" not in launched.log


@pytest.mark.parametrize("after", ["simulator started", "api started"])
def test_signal_while_services_start_ends_all_processes(launch: Launch, after: str) -> None:
    launched = launch()
    launched.wait_for(after)
    pids = descendants(launched.process.pid)

    os.killpg(launched.process.pid, signal.SIGINT)

    assert launched.process.wait(DEADLINE) == 0
    launched.assert_nothing_left(pids)
    assert "Traceback" not in launched.log


@pytest.mark.parametrize("wanted", [2, 3])
def test_signal_at_the_start_of_redis_or_first_service_ends_all_processes(
    launch: Launch, wanted: int
) -> None:
    launched = launch()
    seen: set[int] = set()

    def has_started() -> bool:
        assert launched.process.poll() is None, launched.log
        seen.update(descendants(launched.process.pid))
        return len(seen) >= wanted

    wait_until(has_started, f"{wanted} processes")
    os.killpg(launched.process.pid, signal.SIGINT)

    assert launched.process.wait(DEADLINE) == 0, launched.log
    launched.assert_nothing_left(seen)
    assert launched.log.count("Exception") == 0, launched.log
    assert "Traceback" not in launched.log


def test_sigint_before_any_process_starts_prints_nothing(launch: Launch) -> None:
    launched = launch()
    wait_until(lambda: catches(launched.process.pid, signal.SIGHUP), "signals are handled")
    assert launched.end(signal.SIGINT) == 0
    assert launched.log == ""


def test_second_sigint_kills_service_that_ignores_sigterm(launch: Launch) -> None:
    launched = launch(STUBBORN="1")
    pids = launched.wait_until_up()
    launched.process.send_signal(signal.SIGINT)
    launched.wait_for("api stopped")

    assert launched.end(signal.SIGINT) == 0

    assert "second signal: killing collector\n" in launched.log
    assert "collector stopped (rc=-9)" in launched.log
    launched.assert_nothing_left(pids)


@pytest.mark.parametrize("word", ["collector", "api", "redis.sock"])
def test_killed_service_or_redis_ends_all_processes(launch: Launch, word: str) -> None:
    launched = launch()
    pids = launched.wait_until_up()
    victim = wait_for_command(launched.process.pid, word)

    os.kill(victim, signal.SIGKILL)

    assert launched.process.wait(DEADLINE) == 137
    launched.assert_nothing_left(pids)
    assert "has ended: stopping everything" in launched.log
    assert "Traceback" not in launched.log


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_killed_launcher_leaves_no_process(launch: Launch) -> None:
    launched = launch()
    pids = launched.wait_until_up()
    launched.process.kill()
    launched.process.wait()
    # A killed launcher cannot remove its directory.
    for directory in launched.temporary.iterdir():
        for file in directory.iterdir():
            file.unlink()
        directory.rmdir()
    launched.assert_nothing_left(pids)


def test_service_that_exits_with_0_ends_the_run_with_1(launch: Launch) -> None:
    launched = launch(ENDING_COLLECTOR="1")
    assert launched.process.wait(DEADLINE) == 1
    texts = [line.partition("| ")[2] for line in launched.log.splitlines()]
    expected = [
        "last words",
        "collector stopped (rc=0)",
        "collector has ended: stopping everything",
    ]
    assert [line for line in texts if line in expected] == expected
    launched.assert_nothing_left(descendants(launched.process.pid))


def test_closed_log_reader_ends_the_run(launch: Launch) -> None:
    reader, writer = os.pipe()
    launched = launch(output=writer)
    os.close(writer)
    with os.fdopen(reader) as log:
        assert any("stream/" in line for line in log)
        pids = descendants(launched.process.pid)
        assert len(pids) == 4

    with suppress(OSError):
        urlopen(f"http://127.0.0.1:{launched.api_port}/", timeout=5)  # makes the api log a line

    assert launched.process.wait(DEADLINE) == 1
    launched.assert_nothing_left(pids)
    assert launched.log == "", "standard error is empty"
