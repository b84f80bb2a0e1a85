"""A service as a child process: start, log, signals, restart, CPU and memory.

By default a process is a real `python -m`, which benchmarks and tools need. Tests pass a
`ForkServer`, and the process is then forked from one that has imported the program already. That
takes 0.4 s of CPU less for each start, a third of the whole test suite (2026-11).
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

from lab.fork_server import ROOT, ForkedProcess, ForkServer
from lab.process_table import cpu_seconds
from lab.waiting import DEADLINE, wait_for
from runtime.process import die_with_parent

__all__ = ["ROOT", "Process", "lifeline"]


class Process:
    """One process of ours; its output goes to a file.

    Args:
        name: Its name in errors.
        log: The file for its output.
        arguments: The arguments of `python -m`.
        fork_server: Starts the process if it can; None for a real `python -m`.
        environment: Its settings; nothing else of the environment reaches it.

    """

    def __init__(
        self,
        name: str,
        log: Path,
        arguments: Iterable[str],
        *,
        fork_server: ForkServer | None = None,
        **environment: str,
    ) -> None:
        self.name = name
        self._log_path = log
        self._arguments = list(arguments)
        # Nothing of the environment or the .env of whoever runs the tests.
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "LOG_FORMAT": "json",
            **environment,
        }
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
        """All of its output, over every restart."""
        return self._log_path.read_text(errors="replace")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of an event."""
        lines = _json_lines(self.log, containing=json.dumps(event))
        return [line for line in lines if line.get("event") == event]

    def wait_for_line(self, event: str, count: int = 1, **facts: object) -> dict[str, Any]:
        """Return the last log line of an event with these fields, when there are `count`."""

        def said() -> dict[str, Any] | None:
            found = [line for line in self.lines(event) if facts.items() <= line.items()]
            if len(found) < count:
                assert self.process.poll() is None, f"{self.name} ended\n{self.log}"
            return found[-1] if len(found) >= count else None

        return wait_for(said, f"{self.name} says {event!r} {facts}")

    def wait_for_end(self, limit: float = DEADLINE) -> int:
        """Return its exit code when it has ended."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {limit:g} s") from None

    def stop(self, number: signal.Signals = signal.SIGTERM, limit: float = DEADLINE) -> int:
        """Send it a signal; return its exit code."""
        self.process.send_signal(number)
        return self.wait_for_end(limit)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Stop its execution until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `freeze`."""
        self.process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start it again with the same arguments; it must have ended."""
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
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def lifeline() -> Callable[[], None] | None:
    """Return a `preexec_fn` that ends the process with this one, if it is safe here."""
    # After a fork of a process with threads no Python code is safe.
    return die_with_parent if threading.active_count() == 1 else None


def _json_lines(text: str, containing: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if containing in line and line.startswith("{") and line.endswith("}"):
            yield json.loads(line)
