"""The process of a peer; it ends with the benchmark."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from lab.process_table import cpu_seconds, descendants
from runtime.process import die_with_parent

START_SECONDS = 20.0
PEERS_PYTHON = Path(__file__).resolve().parents[2] / ".venv-peers" / "bin" / "python"


class NotInstalled(Exception):
    """A peer is missing; the message has the command that installs it."""


class PeerProcess:
    """A command that listens on `port` until the context ends; its output goes to `log`."""

    def __init__(
        self, command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]
    ) -> None:
        self.port = port
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                process_group=0,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - only one thread starts processes
            )

    def __enter__(self) -> Self:
        deadline = monotonic() + START_SECONDS
        while not self._listens():
            if self._process.poll() is not None or monotonic() > deadline:
                self.close()
                raise NotInstalled(f"does not start: {self._log.read_text(errors='replace')}")
            sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """The ids of the process and of its children."""
        return [self._process.pid, *descendants(self._process.pid)]

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that the process has used (Linux only)."""
        return cpu_seconds(self._process.pid)

    def close(self) -> None:
        """Kill the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
