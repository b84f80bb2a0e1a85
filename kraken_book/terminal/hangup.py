"""Ends the program when its terminal is gone: an ssh connection cut, a tmux server killed.

Textual does not notice: its thread of keys reads an end of file again and again, at the cost of a
core. SIGHUP alone is not enough, because not every program that hangs up sends it, and whoever
started this one may have set it to be ignored.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
from collections.abc import Callable

CHECK_SECONDS = 0.5
# What waits for a terminal that takes nothing any more may wait for ever.
GRACE_SECONDS = 2.0
EXIT_CODE = 128 + signal.SIGHUP


class HangupWatch:
    """Looks from a thread of its own whether the terminal is still there.

    Args:
        on_hangup: Called in that thread to end the program in order.
        is_gone: Whether the terminal is gone.
        end: Ends the program if it is still there after `grace` seconds.
        interval: Seconds between two looks.
        grace: Seconds for ending in order.
    """

    def __init__(
        self,
        on_hangup: Callable[[], None],
        is_gone: Callable[[], bool] | None = None,
        end: Callable[[int], None] = os._exit,
        interval: float = CHECK_SECONDS,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._on_hangup = on_hangup
        self._is_gone = is_gone or is_terminal_gone
        self._end = end
        self._interval = interval
        self._grace = grace
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="hangup", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._is_gone():
            if self._stopped.wait(self._interval):
                return
        self._on_hangup()
        # Not ended by `stop`: what comes after it may wait for the terminal, too.
        threading.Event().wait(self._grace)
        self._end(EXIT_CODE)


def is_terminal_gone() -> bool:
    """Return whether the terminal of the keys or that of the screen has hung up."""
    for stream in (sys.__stdin__, sys.__stderr__):
        try:
            if stream is not None:
                termios.tcgetattr(stream.fileno())
        except (termios.error, OSError, ValueError):
            return True
    return False
