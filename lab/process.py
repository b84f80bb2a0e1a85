"""One process of ours: start, log, signals, restart, CPU and memory."""

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

from lab.waiting import DEADLINE, wait_for
from launcher.lifeline import die_with_parent

ROOT = Path(__file__).resolve().parents[1]


class Process:
    """One process of ours; its output goes to a file."""

    def __init__(self, name: str, log: Path, arguments: Iterable[str], **environment: str) -> None:
        self.name = name
        self._log_path = log
        self._command = [sys.executable, "-m", *arguments]
        # Nothing of the environment or the .env of whoever runs the tests.
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "LOG_FORMAT": "json",
            **environment,
        }
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log_path.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._log_path.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                preexec_fn=_lifeline(),  # noqa: PLW1509 - see there
            )

    @property
    def log(self) -> str:
        """All that it has printed, over every restart."""
        return self._log_path.read_text(errors="replace")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log that say `event`."""
        lines = _json_lines(self.log, containing=json.dumps(event))
        return [line for line in lines if line.get("event") == event]

    def wait_for_line(self, event: str, count: int = 1, **facts: object) -> dict[str, Any]:
        """The last of `count` lines that say `event` with these facts, once they are there."""

        def said() -> dict[str, Any] | None:
            found = [line for line in self.lines(event) if facts.items() <= line.items()]
            if len(found) < count:
                assert self.process.poll() is None, f"{self.name} ended\n{self.log}"
            return found[-1] if len(found) >= count else None

        return wait_for(said, f"{self.name} says {event!r} {facts}")

    def wait_for_end(self, limit: float = DEADLINE) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {limit:g} s") from None

    def stop(self, number: signal.Signals = signal.SIGTERM, limit: float = DEADLINE) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(number)
        return self.wait_for_end(limit)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Let it hang."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start it again, after its end, as it was started."""
        assert self.process.poll() is not None, f"{self.name} still runs"
        self.process = self._start()

    def cpu_seconds(self) -> float:
        """What the process has had of the CPU; Linux alone tells."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """The bytes that the process has in memory; Linux alone tells."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def _lifeline() -> Callable[[], None] | None:
    # A fork among threads runs no Python safely.
    return die_with_parent if threading.active_count() == 1 else None


def _json_lines(text: str, containing: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if containing in line and line.startswith("{") and line.endswith("}"):
            yield json.loads(line)
