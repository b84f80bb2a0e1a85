"""End the processes that a killed test run leaves behind (Linux only).

A Redis that was started by a process with threads survives a SIGKILL of that process. A reaper is a
process that waits until its client ends, however it ends. Then it kills each process that has the
client's mark in its environment, which children inherit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from runtime.command_line import ENDED_OR_FAILED, OneLineParser

ROOT = Path(__file__).resolve().parents[1]
MARK = "KRAKEN_BOOK_TEST_RUN"


@contextlib.contextmanager
def reaper() -> Iterator[None]:
    """Kill processes that inherit this environment and outlive this process or the context."""
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [sys.executable, "-S", "-E", "-m", "lab.reaper", mark],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        process_group=0,
    ):
        # After the start of the reaper, which must not have the mark itself.
        os.environ[MARK] = mark
        try:
            yield
        finally:
            del os.environ[MARK]


def marked_processes(mark: str) -> Iterator[int]:
    """Yield the id of each process that was started with the mark in its environment."""
    variable = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        # It may have ended, or belong to another user.
        with contextlib.suppress(OSError):
            if variable in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)


def main() -> None:
    """Wait for the end of standard input, then kill the marked processes."""
    parser = OneLineParser(
        "python -m lab.reaper",
        "Waits for the end of standard input, then kills the processes with a mark.",
        ENDED_OR_FAILED,
    )
    parser.add_argument("mark", help=f"the value of {MARK} in the environment of these processes")
    mark = parser.parse_args().mark
    sys.stdin.buffer.read()
    for pid in marked_processes(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
