"""Run services as child processes with one log, until a stop signal comes or one of them ends.

Then all processes end. This also holds if a service ignores SIGTERM, if the terminal is closed, and
on Linux even if the launcher is killed with SIGKILL.
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

# Longer than the 5 s in which the api drains its streams.
STOP_TIMEOUT = 8.0
KILL_TIMEOUT = 2.0
# After a service has ended, another process may still hold its standard output open.
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
        services: The services in the order of their start.
        stop_timeout: The seconds in which services must end before they are killed.
    """

    def __init__(self, services: Sequence[Service], stop_timeout: float = STOP_TIMEOUT) -> None:
        self._services = services
        self._stop_timeout = stop_timeout
        self._log = RunLog(service.name for service in services)
        self._signals: list[signal.Signals] = []
        self._watched: dict[str, subprocess.Popen[bytes]] = {}
        self._children: list[_Child] = []
        self._is_ending = False

    def watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """End the run also when `process` ends; the caller starts and ends this process."""
        self._watched[name] = process

    def log(self, text: str) -> None:
        """Write lines to the log unless the run is ending; safe to call from any thread."""
        if not self._is_ending:
            self._log.write("system", text)

    def run(self, on_started: Callable[[], None]) -> int:
        """Start all services and pass their lines on; return when all have ended.

        From now on until this process ends, signals do not interrupt it, so that the caller's
        clean-up is complete.

        Args:
            on_started: Called when all services are started. It may start threads, which must not
                exist when processes are forked.

        Returns:
            The exit code: 0 if a signal ended the run, else that of the service that ended first,
            as a shell reports it, or 1 if that is 0, because no service may end before a signal.
        """
        handle_stop_signals(self._note_signal)
        try:
            self._start()
            self._log.watch_reader()
            on_started()
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
            # The port is free only when every process has closed the socket.
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
            self._log.write("system", f"{reason}: stopping everything")
            await self._end_all(following)
            for task in following:
                task.cancel()
        return code

    async def _follow(self, child: _Child) -> None:
        """Pass a service's lines on until it has ended."""
        passing = asyncio.create_task(self._pass_lines(child))
        while child.process.poll() is None:  # noqa: ASYNC110 - Popen has no event for the end
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
        """Return the reason and the exit code when the run must end."""
        while True:
            if self._signals:
                return f"{self._signals[0].name} received", 0
            if self._log.is_unread:
                return "this log has no reader", 1
            ends = {name: process.poll() for name, process in self._watched.items()}
            ends |= {each.name: each.process.poll() for each in self._children if each.has_ended}
            for name, code in ends.items():
                if code is not None:
                    return f"{name} has ended", 128 - code if code < 0 else code or 1
            await asyncio.sleep(POLL_INTERVAL)

    async def _end_all(self, following: Sequence[asyncio.Task[None]]) -> None:
        """Terminate all services; kill the rest after the timeout or at a second signal."""
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_timeout
        pending = set(following)
        while pending and time.monotonic() < deadline and len(self._signals) < 2:
            _, pending = await asyncio.wait(pending, timeout=POLL_INTERVAL)
        if names := [child.name for child in self._children if child.process.poll() is None]:
            timed_out = f"not ended after {self._stop_timeout:g} s"
            why = "second signal" if len(self._signals) > 1 else timed_out
            self._log.write("system", f"{why}: killing {', '.join(names)}")
        self._signal_all(signal.SIGKILL)
        await asyncio.wait(following, timeout=KILL_TIMEOUT)

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
    """Start a service in a new session, so that Ctrl-C at the terminal does not reach it."""
    environment = {**os.environ, **service.environment}
    inherited: tuple[int, ...] = ()
    if service.listener is not None:
        inherited = (service.listener.fileno(),)
        environment[LISTENER_VARIABLE] = str(service.listener.fileno())
    with stop_signals_blocked():
        # asyncio's subprocesses may start a thread for each process, but `preexec_fn` is only safe
        # in a process without threads.
        return subprocess.Popen(  # noqa: S603 - our own programs
            service.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=inherited,
            start_new_session=True,
            preexec_fn=become_child,  # noqa: PLW1509 - this process has no other thread yet
        )
