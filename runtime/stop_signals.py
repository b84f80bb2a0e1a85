"""Signals that end a program: Ctrl-C, SIGTERM, and SIGHUP from a terminal that was closed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heeded_stop_signals() -> list[signal.Signals]:
    """Return those of them that end this process: under nohup, SIGHUP stays ignored."""
    return [
        number
        for number in STOP_SIGNALS
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
    ]


def handle_stop_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Call `handler` at each of them, from now on."""
    for number in heeded_stop_signals():
        signal.signal(number, handler)


def exit_at_stop_signals() -> None:
    """Exit with 0 at each of them, without a traceback; for the time before anything runs."""
    handle_stop_signals(_exit)


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
