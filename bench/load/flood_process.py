"""Start and control `bench.load.flood`."""

from __future__ import annotations

import subprocess
import sys
from typing import Literal, Self, TypeVar

import msgspec

from bench.load.flood import Begun, Serving
from lab.process import ROOT

MessageT = TypeVar("MessageT", bound=msgspec.Struct)


class FloodProcess:
    """A process `python -m bench.load.flood`, which listens once the context is entered."""

    def __init__(self, symbols: int, updates: int) -> None:
        self._command = [
            *(sys.executable, "-m", "bench.load.flood"),
            *("--symbols", str(symbols), "--updates", str(updates)),
        ]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.serving = self._next(Serving)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, protocol: Literal["v1", "v2"], rounds: int = 1) -> float:
        """Send so many rounds of the updates; v1 has only one.

        Returns:
            The time of the first update, by time.monotonic.

        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{protocol} {rounds}\n".encode())
        self._process.stdin.flush()
        return self._next(Begun).at

    def _next(self, kind: type[MessageT]) -> MessageT:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the flood ended with {self._process.wait()}"
        return msgspec.json.decode(line, type=kind)
