"""`python -m launcher` with different settings and arguments."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from lab.process_table import command_of
from lab.waiting import DEADLINE, wait_until
from launcher.embedded_redis import EmbeddedRedis
from tests.kraken_book.recording.made import events_of, write_file
from tests.launcher.conftest import Launch
from tests.launcher.launched import ROOT


def test_run_without_kraken_is_simulated_with_a_warning(launch: Launch) -> None:
    launched = launch(FEED="auto", KRAKEN_SYMBOLS="ETH/USD,BTC/USD")
    launched.wait_until_up()
    launched.wait_for("simulator arguments: --venue kraken --port ")
    launched.wait_for("LOG_FORMAT is console")
    assert launched.log.startswith("!! Kraken cannot be reached (")
    assert "--rate 30 --symbols ETH/USD,BTC/USD" in launched.log
    assert "KRAKEN_URL is ws://127.0.0.1:1/v2" not in launched.log
    assert "feed: SIMULATED" in launched.log
    assert f"curl -N http://localhost:{launched.api_port}/stream/ETH%2FUSD" in launched.log
    assert "\033" not in launched.log, "colours are for terminals"
    assert launched.end(signal.SIGINT) == 0


def test_feed_live_starts_no_simulator_without_kraken(launch: Launch) -> None:
    launched = launch(FEED="live")
    pids = launched.wait_until_up()
    launched.wait_for("KRAKEN_URL is ws://127.0.0.1:1/v2")
    assert not any("simulator" in command_of(pid) for pid in pids)
    assert "feed: live Kraken" in launched.log
    assert launched.end(signal.SIGINT) == 0


def test_redis_url_is_used_and_left_running(launch: Launch) -> None:
    with EmbeddedRedis(port=0) as redis:
        launched = launch(REDIS_URL=redis.url)
        pids = launched.wait_until_up()
        launched.wait_for(f"REDIS_URL is {redis.url}")
        assert len(pids) == 3, "three services and no Redis"
        assert launched.end(signal.SIGINT) == 0
        assert redis.process.poll() is None


def test_redis_url_without_answer_ends_the_start(launch: Launch) -> None:
    launched = launch(REDIS_URL="redis://:secret@127.0.0.1:1/0")
    assert launched.process.wait(DEADLINE) == 1
    assert "REDIS_URL=redis://:***@127.0.0.1:1/0 does not answer" in launched.log
    assert "(pid=" not in launched.log


def test_port_in_use_prints_one_line_and_starts_nothing(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        launched = launch(API_PORT=str(port))
        assert launched.process.wait(DEADLINE) == 1
    # A later port is suggested: other programs may use the next ones.
    message = f"port {port} on 127.0.0.1 is in use; choose another: make run API_PORT="
    assert launched.log.startswith(message)
    assert port < int(launched.log.removeprefix(message)) <= 65_535


def test_unknown_feed_is_refused_with_the_valid_ones(launch: Launch) -> None:
    launched = launch(FEED="dead")
    assert launched.process.wait(DEADLINE) == 2
    assert launched.log == "FEED=dead: Input should be 'auto', 'live' or 'simulated'\n"


def test_invalid_symbol_is_refused_before_anything_starts(launch: Launch) -> None:
    launched = launch(KRAKEN_SYMBOLS="BTC/USD,nonsense")
    assert launched.process.wait(DEADLINE) == 2
    assert launched.log.startswith("KRAKEN_SYMBOLS=BTC/USD,nonsense: 'nonsense' is no symbol")
    assert "(pid=" not in launched.log


def test_two_runs_started_together_use_different_ports_and_servers(launch: Launch) -> None:
    runs = [launch(API_PORT="", COLLECTOR_PORT="") for _ in range(2)]
    for run in runs:
        run.wait_until_up()
    logs = [run.log for run in runs]
    for pattern in (
        r"open   (http://localhost:\d+)",
        r"COLLECTOR_PORT is (\d+)",
        r"REDIS_URL is (.+)",
    ):
        matches = [re.search(pattern, log) for log in logs]
        assert len({found[1] for found in matches if found}) == 2, logs
    for run in runs:
        assert run.end(signal.SIGINT) == 0


@pytest.mark.process
def test_launcher_imports_no_redis_client() -> None:
    script = "import sys, launcher.__main__; print({'redis', 'valkey'} & sys.modules.keys())"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "set()\n"


def test_help_lists_settings_and_starts_nothing(launch: Launch) -> None:
    launched = launch(arguments=["--help"])
    assert launched.process.wait(DEADLINE) == 0
    assert "FEED (auto)" in launched.log
    assert "(pid=" not in launched.log


def test_unknown_argument_is_refused_and_starts_nothing(launch: Launch) -> None:
    launched = launch(arguments=["--symbols", "BTC/USD"])
    assert launched.process.wait(DEADLINE) == 2
    (line,) = launched.log.splitlines()
    assert "unrecognized arguments: --symbols BTC/USD" in line


def test_control_characters_of_services_are_escaped_in_the_log(launch: Launch) -> None:
    launched = launch(KRAKEN_URL="ws://127.0.0.1:1/\x1b[2J\x9b\u202e", FEED="live")
    launched.wait_for("KRAKEN_URL is ")
    launched.wait_until_up()
    assert r"KRAKEN_URL is ws://127.0.0.1:1/\x1b[2J\x9b\u202e" in launched.log
    assert not set("\x1b\x9b\u202e") & set(launched.log)
    assert launched.end(signal.SIGINT) == 0


def test_replay_plays_a_recording_into_redis(launch: Launch, tmp_path: Path) -> None:
    write_file(tmp_path / "rec", events_of("BTC/USD"))
    with EmbeddedRedis(port=0) as server, Redis.from_url(server.url) as books:
        launched = launch(REPLAY=str(tmp_path / "rec"), REPLAY_SPEED="max", REDIS_URL=server.url)
        launched.wait_for(f"feed: REPLAY of {tmp_path / 'rec'}")
        # It is played again and again, so the seq has any value above that of the last event.
        wait_until(
            lambda: int(books.hget("kraken:book:{BTC/USD}", "seq") or 0) >= 4, "it is played"
        )
        assert books.hget("kraken:book:{BTC/USD}", "source") == b"replay"
        assert "Kraken cannot be reached" not in launched.log
        assert launched.end(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"REPLAY": "/none"}, 1, "REPLAY=/none: there is no such file or folder"),
        ({"REPLAY": "."}, 1, "REPLAY=.: there is no finished book file (*.parquet) in it"),
        ({"REPLAY_SPEED": "0"}, 2, "REPLAY_SPEED=0: it takes a number above 0, such as 10, or max"),
    ],
)
def test_replay_that_cannot_work_starts_nothing(
    launch: Launch, settings: dict[str, str], code: int, words: str
) -> None:
    launched = launch(**settings)
    assert launched.process.wait(DEADLINE) == code
    assert launched.log.startswith(words)
    assert "(pid=" not in launched.log
