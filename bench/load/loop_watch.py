"""Watch an event loop for stalls: how long they last, and which code runs meanwhile.

A callback that is due every 5 ms records how late it runs; any other callback waits as long. Each
stall has the CPU time of the thread beside the time by the clock, because a busy machine suspends
the whole process now and then, which the loop cannot help. A long stall has the place in the code
that ran after 25 ms.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import traceback
from pathlib import Path
from time import monotonic, thread_time
from types import FrameType

import msgspec

BEAT_SECONDS = 0.005
# Shorter stalls are not recorded.
NOTED_SECONDS = 0.01
LOOK_SECONDS = BEAT_SECONDS + 0.025
_INNERMOST = 6


class Stall(msgspec.Struct):
    """A stall of the loop, in seconds.

    Attributes:
        at: Its end, by time.monotonic.
        seconds: Its duration.
        cpu: The CPU time that the loop's thread used in it.
        garbage: The time that Python's garbage collector ran in it.
        where: The code that ran, if the stall was long.

    """

    at: float
    seconds: float
    cpu: float
    garbage: float
    where: str


class Stalls(msgspec.Struct):
    """The recorded stalls of a loop in their order, and the time at which the watch began."""

    since: float
    noted: list[Stall]


class LoopWatch:
    """Watches the running loop of the main thread from `start` on."""

    def __init__(self) -> None:
        self.stalls = Stalls(monotonic(), [])
        self._where = ""
        self._garbage = self._collecting_since = 0.0

    def start(self) -> None:
        """Start to watch the running loop."""
        self._loop = asyncio.get_running_loop()
        signal.signal(signal.SIGALRM, self._look)
        gc.callbacks.append(self._on_garbage)
        self._set_out()

    def _set_out(self) -> None:
        self._where, self._garbage = "", 0.0
        # If the next beat is late, the signal handler records the code that runs.
        signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS)
        self._due, self._cpu = monotonic() + BEAT_SECONDS, thread_time()
        self._loop.call_later(BEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        now = monotonic()
        seconds, cpu = now - self._due, thread_time() - self._cpu
        if seconds >= NOTED_SECONDS:
            self.stalls.noted.append(Stall(now, seconds, cpu, self._garbage, self._where))
        self._set_out()

    def _look(self, _number: int, frame: FrameType | None) -> None:
        frames = traceback.extract_stack(frame)[-_INNERMOST:]
        self._where = " > ".join(
            f"{Path(f.filename).parent.name}/{Path(f.filename).name}:{f.lineno} {f.name}"
            for f in frames
        )

    def _on_garbage(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting_since = monotonic()
        else:
            self._garbage += monotonic() - self._collecting_since
