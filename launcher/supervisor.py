"""honcho, made to end everything in every case.

honcho starts, colours and prefixes. How it ends is replaced, because its own way (2.0) leaves
processes behind:
- its signal handler acts at once, whatever it interrupts: a signal while the processes start meets
  a KeyError, in the launcher or in the processes between, and ends them without their services;
- it waits for ever for a service whose in-between process was killed;
- SIGHUP, or a SIGKILL of the launcher, ends the launcher alone.

Each service is started by an in-between process of honcho's, which passes its lines on.
"""

from __future__ import annotations

import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from honcho.manager import Manager
from honcho.printer import Message, Printer
from honcho.process import Popen, Process

from launcher.services import Service
from runtime.listening import LISTENER_VARIABLE
from runtime.log_output import LineWriter
from runtime.printable import printable, printable_with_colours
from runtime.process import STOP_SIGNALS, die_with_parent, handle_stop_signals

# The api says goodbye to its streams for up to 5 s.
GRACE = 8.0
AFTER_KILL = 2.0


class Supervisor(Manager):  # type: ignore[misc]  # honcho has no types
    """Runs services until a signal comes or one of them ends; then ends all of them.

    After `loop`, `returncode` is 0 where a signal ended the run, otherwise what to exit with.
    """

    def __init__(self) -> None:
        super().__init__(_Log())
        self._listeners: list[socket.socket] = []
        self._signals: list[signal.Signals] = []
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._watched: dict[str, subprocess.Popen[bytes]] = {}
        self._ending_since: float | None = None

    def add(self, service: Service) -> None:
        """Have `loop` start a service."""
        if service.listener is not None:
            self._listeners.append(service.listener)
        self._process_ctor = partial(_TetheredProcess, service.listener, self._listeners)
        self.add_process(service.name, service.command, env=service.full_environment())

    def watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """End the run when this process ends too, which is somebody else's to start and to end."""
        self._watched[name] = process

    def say(self, text: str) -> None:
        """Put lines into the log; any thread may."""
        self._notes.put(text)

    def loop(self, once_started: Callable[[], None] = lambda: None) -> None:
        """Start everything, pass its lines on, and return when all has ended.

        `once_started` may start threads, which before would meet the forks. From here on, until
        this process ends, signals are only noted: a clean-up that follows is not interrupted.
        """
        handle_stop_signals(self._note_signal)
        try:
            self._start()
            self._printer.watch()
            once_started()
            while not (self._all_stopped() or self._overdue()):
                self._pass_on()
                self._end_if_due()
                self._pass_on_notes()
        finally:
            self._kill_what_is_left()
            self._printer.finish()

    def _start(self) -> None:
        # The in-between processes are born deaf: each ends when its service does.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            super()._start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            # A service's socket is closed for good only if no other process has it open.
            _close_all(self._listeners)

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(signal.Signals(number))

    def _pass_on(self) -> None:
        """Handle one message of the in-between processes, or none within 0.1 s."""
        # Asked first: what one sent before it went is read before it counts as lost.
        gone = [name for name, entry in self._processes.items() if not entry["process"].is_alive()]
        try:
            self._handle(self.events.get(timeout=0.1))
        except queue.Empty:
            for name in gone:
                self._tell(name, signal.SIGKILL)
                self._note_end(name, -signal.SIGKILL)

    def _pass_on_notes(self) -> None:
        # Once the end has begun, there is nothing left to try.
        while self._ending_since is None and not self._notes.empty():
            self._system_print(self._notes.get())

    def _handle(self, message: Message) -> None:
        if message.type == "line":
            self._printer.write(message)
        elif message.type == "start":
            self._processes[message.name]["pid"] = message.data["pid"]
            self._system_print(f"{message.name} started (pid={message.data['pid']})")
        elif message.type == "stop":
            self._note_end(message.name, message.data["returncode"])

    def _note_end(self, name: str, code: int) -> None:
        if "returncode" not in self._processes[name]:
            self._processes[name]["returncode"] = code
            self._system_print(f"{name} stopped (rc={code})")

    def _end_if_due(self) -> None:
        if self._ending_since is None:
            reason = self._reason_to_end()
            if reason is None:
                return
            self._ending_since = time.monotonic()
            self._system_print(f"{reason}: ending everything")
        # Asked again at every turn, for those whose start was not yet known at the last.
        hurry = len(self._signals) > 1 or time.monotonic() > self._ending_since + GRACE
        for name in self._processes:
            self._tell(name, signal.SIGKILL if hurry else signal.SIGTERM)

    def _reason_to_end(self) -> str | None:
        """Why the run is over, having noted what to exit with; None while it is not."""
        if self._signals:
            self.returncode = 0
            return f"{self._signals[0].name} received"
        if self._printer.unread:
            self.returncode = 1
            return "nobody reads this log"
        ends = {name: process.poll() for name, process in self._watched.items()}
        ends |= {name: entry.get("returncode") for name, entry in self._processes.items()}
        for name, code in ends.items():
            if code is not None:
                self.returncode = _exit_code(code)
                return f"{name} has ended"
        return None

    def _tell(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a service and its children, once, if it has started and not ended."""
        entry = self._processes[name]
        if "pid" in entry and "returncode" not in entry and entry.get("told") != number:
            entry["told"] = number
            if number == signal.SIGKILL:
                self._procmgr.kill(entry["pid"])
            else:
                self._procmgr.terminate(entry["pid"])

    def _overdue(self) -> bool:
        """Whether even SIGKILL did not bring the end that a service should have come to."""
        since = self._ending_since
        return since is not None and time.monotonic() > since + GRACE + AFTER_KILL

    def _kill_what_is_left(self) -> None:
        for name in self._processes:
            self._tell(name, signal.SIGKILL)
        for between in [
            entry["process"] for entry in self._processes.values() if "process" in entry
        ]:
            between.join(1.0)
            between.kill()
            between.join()


def _exit_code(code: int) -> int:
    """As a shell says it; and no service is meant to end by itself, so never 0."""
    return 128 - code if code < 0 else code or 1


class _TetheredProcess(Process):  # type: ignore[misc]  # honcho has no types
    """A service that ends when its in-between process does, which ends when the launcher does."""

    def __init__(
        self,
        listener: socket.socket | None,
        listeners: list[socket.socket],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._listener = listener
        self._listeners = listeners
        self._child_ctor = self._start_service

    def run(self, *args: Any, **kwargs: Any) -> None:
        """In the in-between process: start the service and pass its lines on until it ends."""
        die_with_parent()
        super().run(*args, **kwargs)

    def _start_service(self, command: str, env: dict[str, str], **options: Any) -> Popen:
        if self._listener is not None:
            number = self._listener.fileno()
            env = {**env, LISTENER_VARIABLE: str(number)}
            options["pass_fds"] = (number,)
        # The in-between process has one thread, so Python may run between its fork and exec.
        service = Popen(command, env=env, preexec_fn=_between_fork_and_exec, **options)
        _close_all(self._listeners)
        return service


def _close_all(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def _between_fork_and_exec() -> None:
    die_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


class _Log(Printer):  # type: ignore[misc]  # honcho has no types
    """Standard output, for as long as somebody reads it; services' lines are cleaned for it."""

    def __init__(self) -> None:
        self._output = _Output()
        super().__init__(self._output)

    @property
    def unread(self) -> bool:
        """Return whether no reader is left: the terminal is closed, or `| head` has ended."""
        return self._output.unread

    def write(self, message: Message) -> None:
        """Write a message's lines, without waiting for whoever reads them."""
        data = message.data
        text = data.decode(errors="replace") if isinstance(data, bytes) else data
        clean = printable_with_colours if self._colours_supported else printable
        lines = [clean(line) for line in text.rstrip("\r\n").split("\n")]
        super().write(message._replace(data="\n".join(lines)))

    def watch(self) -> None:
        """Note from now on, in a thread, if nobody can read it any more."""
        self._output.watch()

    def finish(self) -> None:
        """Wait for what is not written yet, at most half a second."""
        self._output.finish()


class _Output:
    """File that honcho's printer writes to."""

    def __init__(self) -> None:
        self.unread = False
        self._text = ""
        self._writer = LineWriter(sys.stdout.fileno(), describe_loss=_lost)

    def watch(self) -> None:
        """Note from now on, in a thread, if nobody can read it any more."""
        self._writer.when_reader_gone(self._note_unread)

    def write(self, text: str) -> None:
        """Have each line written once it is whole."""
        *lines, self._text = (self._text + text).split("\n")
        for line in lines:
            self._writer.put(f"{line}\n".encode(errors="backslashreplace"))

    def flush(self) -> None:
        """Do nothing: what is written leaves by itself."""

    def isatty(self) -> bool:
        """Return whether a terminal shows it."""
        return sys.stdout.isatty()

    def finish(self) -> None:
        """Wait for what is not written yet, at most half a second."""
        self._writer.flush()

    def _note_unread(self) -> None:
        self.unread = True


def _lost(count: int) -> bytes:
    return f"{count} lines of this log were dropped: they were not read in time\n".encode()
