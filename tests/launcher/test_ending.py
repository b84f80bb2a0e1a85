"""However a run ends, everything ends, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from urllib.request import urlopen

import pytest

from lab.process_table import catches, descendants, wait_for_command
from lab.waiting import wait_until
from tests.launcher.conftest import Launch


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(launch: Launch, number: signal.Signals) -> None:
    launched = launch()
    launched.wait_until_up()
    # A look at /proc is no look at one moment.
    wait_until(
        lambda: len(descendants(launched.process.pid)) == 4,
        "Redis and three services",
    )
    pids = descendants(launched.process.pid)

    assert launched.end(number) == 0

    launched.assert_nothing_left(pids)
    assert f"{number.name} received" in launched.log
    assert "Traceback" not in launched.log


def test_ctrl_c_at_a_terminal_reaches_the_whole_group(launch: Launch) -> None:
    launched = launch()
    pids = launched.wait_until_up()

    os.killpg(launched.process.pid, signal.SIGINT)

    assert launched.process.wait(15) == 0
    launched.assert_nothing_left(pids)
    assert "collector stopped (rc=-15)" in launched.log, "by our SIGTERM, in its own time"
    assert "Traceback" not in launched.log


def test_signals_twice_and_of_several_kinds(launch: Launch) -> None:
    launched = launch()
    pids = launched.wait_until_up()

    assert launched.end(signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGINT) == 0

    launched.assert_nothing_left(pids)
    assert "Traceback" not in launched.log


@pytest.mark.parametrize("after", ["simulator started", "api started"])
def test_a_signal_while_the_services_start(launch: Launch, after: str) -> None:
    launched = launch()
    launched.wait_for(after)
    pids = descendants(launched.process.pid)

    os.killpg(launched.process.pid, signal.SIGINT)

    assert launched.process.wait(15) == 0
    launched.assert_nothing_left(pids)
    assert "Traceback" not in launched.log


@pytest.mark.parametrize("wanted", [2, 3])
def test_a_signal_the_moment_that_redis_or_a_first_process_is_there(
    launch: Launch, wanted: int
) -> None:
    launched = launch()
    seen: set[int] = set()

    def enough() -> bool:
        assert launched.process.poll() is None, launched.log
        seen.update(descendants(launched.process.pid))
        return len(seen) >= wanted

    wait_until(enough, f"{wanted} processes")
    os.killpg(launched.process.pid, signal.SIGINT)

    assert launched.process.wait(15) == 0, launched.log
    launched.assert_nothing_left(seen)
    assert launched.log.count("Exception") == 0, launched.log
    assert "Traceback" not in launched.log


def test_ctrl_c_before_anything_is_there(launch: Launch) -> None:
    launched = launch()
    wait_until(lambda: catches(launched.process.pid, signal.SIGHUP), "signals are handled")
    assert launched.end(signal.SIGINT) == 0
    assert launched.log == ""


def test_a_second_ctrl_c_kills_what_does_not_want_to_end(launch: Launch) -> None:
    launched = launch(STUBBORN="1")
    pids = launched.wait_until_up()
    launched.process.send_signal(signal.SIGINT)
    launched.wait_for("api stopped")

    assert launched.end(signal.SIGINT) == 0

    assert "second signal: killing collector\n" in launched.log
    assert "collector stopped (rc=-9)" in launched.log
    launched.assert_nothing_left(pids)


@pytest.mark.parametrize("word", ["collector", "api", "redis.sock"])
def test_one_that_is_killed_ends_all(launch: Launch, word: str) -> None:
    launched = launch()
    pids = launched.wait_until_up()
    victim = wait_for_command(launched.process.pid, word)

    os.kill(victim, signal.SIGKILL)

    assert launched.process.wait(15) == 137
    launched.assert_nothing_left(pids)
    assert "has ended: ending everything" in launched.log
    assert "Traceback" not in launched.log


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the children")
def test_a_killed_launcher_takes_everyone_along(launch: Launch) -> None:
    launched = launch()
    pids = launched.wait_until_up()
    launched.process.kill()
    launched.process.wait()
    for directory in launched.temporary.iterdir():  # which nobody is there to remove
        for file in directory.iterdir():
            file.unlink()
        directory.rmdir()
    launched.assert_nothing_left(pids)


def test_a_service_that_ends_by_itself_is_a_failure(launch: Launch) -> None:
    launched = launch(COLLECTOR_ENDS="1")
    assert launched.process.wait(15) == 1
    said = [line.partition("| ")[2] for line in launched.log.splitlines()]
    words = ["last words", "collector stopped (rc=0)", "collector has ended: ending everything"]
    assert [line for line in said if line in words] == words
    launched.assert_nothing_left(descendants(launched.process.pid))


def test_a_log_that_nobody_reads_ends_the_run(launch: Launch) -> None:
    ours, theirs = os.pipe()
    launched = launch(output=theirs)
    os.close(theirs)
    with os.fdopen(ours) as log:
        assert any("stream/" in line for line in log)
        pids = descendants(launched.process.pid)
        assert len(pids) == 4

    with suppress(OSError):
        urlopen(f"http://127.0.0.1:{launched.api_port}/", timeout=5)  # logged, answered or not

    assert launched.process.wait(15) == 1
    launched.assert_nothing_left(pids)
    assert launched.log == "", "no complaint on standard error"
