"""A service as a child process: start, log, signals, restart, CPU and memory.

By default a process is a real `python -m`, as benchmarks and tools need it. Tests pass a
`ForkServer`, and the process is then forked from one that has imported the program already. A start
takes 0.02 s of CPU instead of 0.47 s (an api until it answers, 2026-11).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lab.fork_server import ROOT, ForkedProcess, ForkServer, base_environment
from lab.process_table import cpu_seconds
from lab.waiting import DEADLINE, wait_for
from runtime.process import die_with_parent

__all__ = ["ROOT", "Process", "lifeline"]


class Process:
    """A service in its own process, with its output in a file.

    Args:
        name: The name in errors.
        log: The file for the output; its folder is the working directory.
        arguments: The arguments of `python -m`.
        fork_server: Starts the process if it can; None for a real `python -m`.
        environment: The settings; `base_environment` has the other variables.

    """

    def __init__(
        self,
        name: str,
        log: Path,
        arguments: Iterable[str],
        fork_server: ForkServer | None = None,
        /,
        **environment: str,
    ) -> None:
        self.name = name
        self._log_path = log
        self._arguments = list(arguments)
        self._environment = {**base_environment(), "LOG_FORMAT": "json", **environment}
        self._fork_server = fork_server
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes] | ForkedProcess:
        folder = self._log_path.parent
        forks = self._fork_server
        with self._log_path.open("ab") as log:
            if forks is not None and forks.can_start(self._arguments, self._environment):
                return forks.start(self._arguments, self._environment, folder, log.fileno())
            return subprocess.Popen(
                [sys.executable, "-m", *self._arguments],
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                preexec_fn=lifeline(),  # noqa: PLW1509 - see there
            )

    @property
    def log(self) -> str:
        """The whole output, over every restart."""
        return self._log_path.read_text(errors="replace")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of an event."""
        lines = _json_lines(self.log, containing=json.dumps(event))
        return [line for line in lines if line.get("event") == event]

    def wait_for_line(self, event: str, count: int = 1, **facts: object) -> dict[str, Any]:
        """Return the last log line of an event with these fields when there are `count` of them."""

        def find() -> dict[str, Any] | None:
            found = [line for line in self.lines(event) if facts.items() <= line.items()]
            if len(found) < count:
                assert self.process.poll() is None, f"{self.name} ended\n{self.log}"
            return found[-1] if len(found) >= count else None

        return wait_for(find, f"{self.name} logs {event!r} {facts}")

    def wait_for_end(self, limit: float = DEADLINE) -> int:
        """Return the exit code when the process has ended."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {limit:g} s") from None

    def stop(self, number: signal.Signals = signal.SIGTERM, limit: float = DEADLINE) -> int:
        """Send a signal; return the exit code when the process has ended."""
        self.process.send_signal(number)
        return self.wait_for_end(limit)

    def kill(self) -> None:
        """Kill the process, as a crash would."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Stop the execution until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `freeze`."""
        self.process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start the process again with the same arguments; it must have ended."""
        assert self.process.poll() is not None, f"{self.name} still runs"
        self.process = self._start()

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that the process has used (Linux only)."""
        return cpu_seconds(self.process.pid)

    def memory(self) -> int:
        """Return the bytes of the process that are in memory (Linux only)."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """Kill the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def lifeline() -> Callable[[], None] | None:
    """Return a `preexec_fn` that ties the child's life to this process; None if that is unsafe."""
    # In a child of a process with threads, no Python code is safe before exec.
    return die_with_parent if threading.active_count() == 1 else None


def _json_lines(text: str, containing: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if containing in line and line.startswith("{") and line.endswith("}"):
            yield json.loads(line)
