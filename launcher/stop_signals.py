"""The signals that end a run: Ctrl-C, a polite kill, a terminal that was closed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handle_stop_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Call `handler` at each of them, from now on; under nohup, SIGHUP stays ignored."""
    for number in STOP_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)
