"""Facts about processes from /proc: state, children, arguments, CPU time, signal handlers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from lab.waiting import wait_until


def is_running(pid: int) -> bool:
    """Return whether the process exists and is not a zombie."""
    return _state_and_parent(pid)[0] not in "ZX"


def descendants(pid: int) -> set[int]:
    """Return the process's children, their children, and so on."""
    parents = {
        int(entry.name): _state_and_parent(int(entry.name))[1]
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal()
    }
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def command_of(pid: int) -> list[str]:
    """Return the command line of the process."""
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def catches(pid: int, number: signal.Signals) -> bool:
    """Return whether the process has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _state_and_parent(pid: int) -> tuple[str, int]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    state, parent = stat.rpartition(")")[2].split()[:2]
    return state, int(parent)


def wait_for_command(ancestor: int, word: str) -> int:
    """Return the pid of the only descendant that has an argument that ends with `word`.

    Wait until there is exactly one: a scan of /proc is not atomic and may miss a process.
    """
    found: list[int] = []

    def look() -> bool:
        found[:] = [
            pid
            for pid in descendants(ancestor)
            if any(part.endswith(word) for part in command_of(pid))
        ]
        return len(found) == 1

    wait_until(look, f"one process runs {word}")
    return found[0]
