"""Start services by fork from a process that has imported them, for tests.

`python -m api` spends nearly all of its start on imports: 0.47 s of CPU until it answers, against
0.02 s for a fork (2026-11). The test suite starts 300 services.

The child gets the arguments, environment, folder and output of the order, leads its process group,
inherits no other descriptor, and runs the program's `__main__` as `python -m` does.
tests/lab/test_fork_server.py compares the two. Benchmarks must not use this: forked processes share
memory, and their start takes no time.

Each program has its own fork server, because the metrics of all imported modules are in one
registry. It is forked from a common one with the common imports. Linux only, for pidfds.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from kraken_book.speedups import PURE_VARIABLE
from runtime.command_line import ENDED_OR_FAILED, OneLineParser
from runtime.process import die_with_parent

ROOT = Path(__file__).resolve().parents[1]

# What all services import.
COMMON = (
    "runtime.http.server",
    "runtime.redis.client",
    "runtime.service",
    "starlette.applications",
    "uvloop",
    "websockets.asyncio.server",
)
PROGRAMS = {
    "api": "api.app",
    "collector": "collector.program",
    "lab.cramped_collector": "collector.program",
    "lab.patient_api": "api.app",
    "simulator": "simulator.program",
}
"""The modules that `python -m` can be given, and the module that each one loads and runs."""

# Variables with these beginnings act when Python starts or a library is imported.
_IMPORT_TIME_PREFIXES = ("LANG", "LC_", "PROMETHEUS_", "PYTHON", "TZ", PURE_VARIABLE)

_COMMON_SERVER = ""
_MAX_ORDER_BYTES = 100_000
_MAX_DESCRIPTORS = 2
_NUMBER = struct.Struct("i")
# After those of standard input, output and errors.
_FIRST_DESCRIPTOR = 3


class ForkServerError(RuntimeError):
    """The fork server has ended, so it cannot start anything."""


class ForkedProcess:
    """A process that a `ForkServer` started; it has the methods of `subprocess.Popen`.

    Args:
        command: The arguments of `python -m`, for errors.
        status: A pipe that yields the process's id, and its exit code when it has ended.

    Raises:
        ForkServerError: If the fork server has ended.

    """

    def __init__(self, command: Sequence[str], status: int) -> None:
        self.args = list(command)
        self.returncode: int | None = None
        self._status = os.fdopen(status, "rb", buffering=0)
        pid = self._next_number()
        if pid is None:
            raise ForkServerError(f"the fork server has ended and cannot start {self.args}")
        self.pid = pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process runs."""
        if self.returncode is None and self._has_ended(0.0):
            code = self._next_number()
            # Without its fork server, the kernel has killed it.
            self.returncode = -signal.SIGKILL if code is None else code
            self._status.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when the process has ended.

        Args:
            timeout: The seconds to wait; None waits without a limit.

        Returns:
            The exit code, negative for a signal.

        Raises:
            subprocess.TimeoutExpired: If the process still runs after `timeout` seconds.

        """
        if self.returncode is None:
            self._has_ended(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal; do nothing if the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _has_ended(self, timeout: float | None) -> bool:
        # select() takes no descriptor above 1023, and tests hold many sockets.
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def _next_number(self) -> int | None:
        content = self._status.read(_NUMBER.size)
        return int(_NUMBER.unpack(content)[0]) if content else None


class ForkServer:
    """A helper process that forks the services of one test process.

    It ends with its context. If this process is killed, it ends as well, and so do all services
    that it started.
    """

    def __init__(self) -> None:
        self._servers: dict[str, tuple[subprocess.Popen[bytes] | ForkedProcess, socket.socket]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server, and with it all processes that it started and that still run."""
        # The common one last, because it is the parent of the others.
        for process, control in reversed(self._servers.values()):
            control.close()
            process.wait()

    @staticmethod
    def can_start(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Return whether a fork would be like `python -m` with these arguments and variables."""
        base = base_environment()
        changed = [name for name, value in environment.items() if base.get(name) != value]
        return (
            sys.platform == "linux"
            and arguments[0] in PROGRAMS
            and not any(name.startswith(_IMPORT_TIME_PREFIXES) for name in changed)
        )

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, output: int
    ) -> ForkedProcess:
        """Start `python -m` with `arguments`.

        Args:
            arguments: The module, one of `PROGRAMS`, and its arguments.
            environment: All environment variables of the process.
            folder: Its working directory.
            output: The descriptor for its standard output and standard error.

        Returns:
            The process, which runs.

        """
        order = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
        }
        return self._fork(self._control_of(arguments[0]), order, output)

    def _control_of(self, module: str) -> socket.socket:
        """Return the socket of a module's fork server; start it if it does not run yet."""
        program = PROGRAMS[module]
        if program not in self._servers:
            common = self._common_control()
            ours, theirs = _control_pair()
            with theirs:
                process = self._fork(common, {"arguments": [program]}, theirs.fileno())
            self._servers[program] = process, ours
        return self._servers[program][1]

    def _common_control(self) -> socket.socket:
        if _COMMON_SERVER not in self._servers:
            ours, theirs = _control_pair()
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-m", "lab.fork_server", str(theirs.fileno())],
                    cwd=ROOT,
                    env=base_environment(),
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    process_group=0,
                )
            self._servers[_COMMON_SERVER] = process, ours
        return self._servers[_COMMON_SERVER][1]

    @staticmethod
    def _fork(control: socket.socket, order: Mapping[str, Any], passed: int) -> ForkedProcess:
        status, theirs = os.pipe()
        try:
            socket.send_fds(control, [json.dumps(order).encode()], [passed, theirs])
        finally:
            os.close(theirs)
        return ForkedProcess(order["arguments"], status)


def _control_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def base_environment() -> dict[str, str]:
    """Return the variables of every process; nothing else of this process's is passed on.

    The developer's environment may not change a test, except that it selects the hot path.
    """
    path = {PURE_VARIABLE: os.environ[PURE_VARIABLE]} if PURE_VARIABLE in os.environ else {}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **path}


class _Children:
    """The children of this fork server.

    It keeps all descriptors as numbers: a child closes them without a trace, and no object that is
    left in its memory closes one of its new ones later.
    """

    def __init__(self, control: int) -> None:
        self._control = control
        self._running: dict[int, tuple[int, int]] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def next_order(self) -> tuple[dict[str, Any], int]:
        """Fork for each order; exit when the client has closed the connection.

        Returns:
            In each child, its order and the descriptor that came with it.

        """
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor != self._control:
                    self._report_end(descriptor)
                    continue
                order, descriptors = self._read_order()
                parent = os.getpid()
                pid = os.fork()
                if pid == 0:
                    return order, _begin_child(parent, descriptors[0])
                self._add(pid, *descriptors)

    def _read_order(self) -> tuple[dict[str, Any], list[int]]:
        control = socket.socket(fileno=self._control)
        try:
            content, descriptors, _, _ = socket.recv_fds(
                control, _MAX_ORDER_BYTES, _MAX_DESCRIPTORS
            )
        finally:
            control.detach()
        if not content:
            sys.exit()
        return json.loads(content), descriptors

    def _add(self, pid: int, passed: int, status: int) -> None:
        os.close(passed)
        os.write(status, _NUMBER.pack(pid))
        pidfd = os.pidfd_open(pid)
        self._running[pidfd] = pid, status
        self._poll.register(pidfd, select.POLLIN)

    def _report_end(self, pidfd: int) -> None:
        pid, status = self._running.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        # The client may have lost interest.
        with contextlib.suppress(BrokenPipeError):
            os.write(status, _NUMBER.pack(code))
        os.close(status)


def _begin_child(parent: int, passed: int) -> int:
    """Tie the child to its parent, close all other descriptors, and return the passed one."""
    os.setpgid(0, 0)
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    os.dup2(passed, _FIRST_DESCRIPTOR)
    os.closerange(_FIRST_DESCRIPTOR + 1, os.sysconf("SC_OPEN_MAX"))
    return _FIRST_DESCRIPTOR


def _load(*modules: str) -> None:
    """Import modules as a service does: without a search for garbage, now or later."""
    gc.disable()
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    gc.enable()


def _run(order: Mapping[str, Any], output: int) -> None:
    """Run the program of the order in this process."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    module, *arguments = order["arguments"]
    sys.argv[1:] = arguments
    sys.path[0] = order["folder"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve orders; each child continues here and ends like any program."""
    parser = OneLineParser(
        "python -m lab.fork_server",
        "Starts services by fork, for the tests that start it.",
        ENDED_OR_FAILED,
    )
    parser.add_argument("descriptor", type=int, help="that of the socket for orders")
    descriptor = parser.parse_args().descriptor
    _load(*COMMON)
    order, control = _Children(descriptor).next_order()
    # Here begins the child of the common fork server: the fork server of one program.
    _load(*order["arguments"])
    order, output = _Children(control).next_order()
    _run(order, output)


if __name__ == "__main__":
    main()
