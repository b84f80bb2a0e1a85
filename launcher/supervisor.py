"""Run services as child processes with one log, until a stop signal comes or one of them ends.

Everything ends then, and nothing is left behind: at a second signal, if a service ignores SIGTERM,
if the terminal is closed, and on Linux even if the launcher is killed with SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from launcher.services import Service
from launcher.terminal import RunLog
from runtime.listening import LISTENER_VARIABLE
from runtime.process import become_child, handle_stop_signals, stop_signals_blocked

# The api says goodbye to its streams for up to 5 s.
GRACE = 8.0
AFTER_KILL = 2.0
# After a service's end, for its last lines: another process may still have its standard output.
LAST_LINES_TIMEOUT = 0.5

POLL_INTERVAL = 0.1
MAX_LINE_BYTES = 1_000_000


@dataclass
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    has_ended: bool = False


class Supervisor:
    """Runs services until a signal comes or one of them ends; then ends all of them.

    Args:
        services: Started in this order.
        grace: Seconds that they have to end before they are killed.

    """

    def __init__(self, services: Sequence[Service], grace: float = GRACE) -> None:
        self._services = services
        self._grace = grace
        self._log = RunLog(service.name for service in services)
        self._signals: list[signal.Signals] = []
        self._watched: dict[str, subprocess.Popen[bytes]] = {}
        self._children: list[_Child] = []
        self._is_ending = False

    def watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """End the run when `process` ends too; its owner starts and ends it."""
        self._watched[name] = process

    def say(self, text: str) -> None:
        """Put lines into the log, unless the run is ending; any thread may."""
        if not self._is_ending:
            self._log.write("system", text)

    def run(self, once_started: Callable[[], None]) -> int:
        """Start all services and pass their lines on; return once all have ended.

        From here on signals are only noted, until this process ends: a clean-up that follows is
        not interrupted.

        Args:
            once_started: Called when all are started. It may start threads, which must not be
                there when processes are forked.

        Returns:
            What to exit with: 0 if a signal ended the run, otherwise the exit code of the service
            that ended, as a shell has it, and never 0: no service is meant to end by itself.

        """
        handle_stop_signals(self._note_signal)
        try:
            self._start()
            self._log.watch_reader()
            once_started()
            return asyncio.run(self._supervise())
        finally:
            self._kill_the_rest()
            self._log.finish()

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(signal.Signals(number))

    def _start(self) -> None:
        try:
            for service in self._services:
                self._children.append(_Child(service.name, _spawn(service)))
        finally:
            # A service closes its socket for good only if no other process has it open.
            for service in self._services:
                if service.listener is not None:
                    service.listener.close()
        for child in self._children:
            self._log.write("system", f"{child.name} started (pid={child.process.pid})")

    async def _supervise(self) -> int:
        async with asyncio.TaskGroup() as group:
            following = [group.create_task(self._follow(child)) for child in self._children]
            reason, code = await self._reason_to_end()
            self._is_ending = True
            self._log.write("system", f"{reason}: ending everything")
            await self._end_all(following)
            for task in following:
                task.cancel()
        return code

    async def _follow(self, child: _Child) -> None:
        """Pass a service's lines on until it has ended."""
        passing = asyncio.create_task(self._pass_lines(child))
        while child.process.poll() is None:  # noqa: ASYNC110 - nothing tells when it ends
            await asyncio.sleep(POLL_INTERVAL)
        await asyncio.wait([passing], timeout=LAST_LINES_TIMEOUT)
        passing.cancel()
        child.has_ended = True
        self._log.write("system", f"{child.name} stopped (rc={child.process.returncode})")

    async def _pass_lines(self, child: _Child) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), child.process.stdout
        )
        try:
            rest = b""
            while chunk := await reader.read(65_536):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > MAX_LINE_BYTES:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._log.write(child.name, line.decode(errors="replace"))
            if rest:
                self._log.write(child.name, rest.decode(errors="replace"))
        finally:
            transport.close()

    async def _reason_to_end(self) -> tuple[str, int]:
        """Return why the run is over, and what to exit with, once it is."""
        while True:
            if self._signals:
                return f"{self._signals[0].name} received", 0
            if self._log.is_unread:
                return "nobody reads this log", 1
            ends = {each.name: each.process.poll() for each in self._children if each.has_ended}
            ends |= {name: process.poll() for name, process in self._watched.items()}
            for name, code in ends.items():
                if code is not None:
                    return f"{name} has ended", 128 - code if code < 0 else code or 1
            await asyncio.sleep(POLL_INTERVAL)

    async def _end_all(self, following: Sequence[asyncio.Task[None]]) -> None:
        """Ask all to end; kill those that do not in time, or at once at a second signal."""
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        pending = set(following)
        while pending and time.monotonic() < deadline and len(self._signals) < 2:
            _, pending = await asyncio.wait(pending, timeout=POLL_INTERVAL)
        if names := [child.name for child in self._children if child.process.poll() is None]:
            why = "second signal" if len(self._signals) > 1 else f"no end after {self._grace:g} s"
            self._log.write("system", f"{why}: killing {', '.join(names)}")
        self._signal_all(signal.SIGKILL)
        await asyncio.wait(following, timeout=AFTER_KILL)

    def _signal_all(self, number: signal.Signals) -> None:
        """Send a signal to each service that has not ended, and to its children."""
        for child in self._children:
            if child.process.poll() is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.process.pid, number)

    def _kill_the_rest(self) -> None:
        self._signal_all(signal.SIGKILL)
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(1.0)


def _spawn(service: Service) -> subprocess.Popen[bytes]:
    """Start a service in a session of its own, so that Ctrl-C at the terminal is not for it."""
    environment = {**os.environ, **service.environment}
    inherited: tuple[int, ...] = ()
    if service.listener is not None:
        inherited = (service.listener.fileno(),)
        environment[LISTENER_VARIABLE] = str(service.listener.fileno())
    with stop_signals_blocked():
        # Not asyncio's subprocesses: they may start a thread for each, and the next fork, which
        # runs Python in the child, would meet it.
        return subprocess.Popen(  # noqa: S603 - ourselves
            service.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=inherited,
            start_new_session=True,
            preexec_fn=become_child,  # noqa: PLW1509 - there is no other thread yet
        )
