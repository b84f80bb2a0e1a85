"""Ends the program when its terminal is gone, as after a lost ssh connection or a killed tmux.

Textual does not notice: its input thread then reads the end of file in a loop, which uses a whole
core. SIGHUP alone does not help, because not every program sends it when it hangs up, and the
parent process may have set it to be ignored.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
from collections.abc import Callable

CHECK_SECONDS = 0.5
# An orderly exit can wait without end for a terminal that no longer accepts output.
GRACE_SECONDS = 2.0
EXIT_CODE = 128 + signal.SIGHUP


class HangupWatch:
    """Checks in a thread whether the terminal still exists, and ends the program if it does not.

    Args:
        on_hangup: Called in the thread to start an orderly exit.
        is_gone: Returns whether the terminal is gone.
        end: Ends the process if it still runs after `grace` seconds.
        interval: Seconds between two checks.
        grace: Seconds for the orderly exit.
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
        """Start the checks."""
        threading.Thread(target=self._run, name="hangup", daemon=True).start()

    def stop(self) -> None:
        """Stop the checks."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._is_gone():
            if self._stopped.wait(self._interval):
                return
        self._on_hangup()
        # `stop` does not end this wait, because the exit may block on the terminal after `stop`.
        threading.Event().wait(self._grace)
        self._end(EXIT_CODE)


def is_terminal_gone() -> bool:
    """Return whether the terminal of the input or of the screen has hung up."""
    for stream in (sys.__stdin__, sys.__stderr__):
        try:
            if stream is not None:
                termios.tcgetattr(stream.fileno())
        except (termios.error, OSError, ValueError):
            return True
    return False
