"""How long an event loop does not come to its next turn, and what it does meanwhile.

A call that is due every 5 ms notes by how much it was late: a callback that waits behind others
waits so long too. Of each stall the thread's own CPU is noted beside the time, since on a machine
that has other work the whole process stands still now and then, which is not the loop's doing; and
where it takes long, where Python was after 25 ms of it.
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
# What is shorter is of no interest.
NOTED_SECONDS = 0.01
LOOK_SECONDS = BEAT_SECONDS + 0.025
_INNERMOST = 6


class Stall(msgspec.Struct):
    """The loop did not turn for so many `seconds` until `at` (steady), its thread had `cpu` of it.

    `garbage` is how much of it Python's collector of garbage took.
    """

    at: float
    seconds: float
    cpu: float
    garbage: float
    where: str


class Stalls(msgspec.Struct):
    """All stalls of a loop that were noted, in their order, since it was first watched."""

    since: float
    noted: list[Stall]


class LoopWatch:
    """Watches the loop that runs, in the main thread, from `start` on."""

    def __init__(self) -> None:
        self.stalls = Stalls(monotonic(), [])
        self._where = ""
        self._garbage = self._collecting_since = 0.0

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        signal.signal(signal.SIGALRM, self._look)
        gc.callbacks.append(self._on_garbage)
        self._set_out()

    def _set_out(self) -> None:
        self._where, self._garbage = "", 0.0
        # Where the next beat does not come in time, the signal tells where Python is.
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
