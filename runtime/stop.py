"""Turn what ends a service, a signal or a log without a reader, into an event to await."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from runtime.log_output import LogOutput
from runtime.logs import get_logger
from runtime.stop_signals import heeded_stop_signals

log = get_logger(__name__)


def stop_on_signals(output: LogOutput | None = None) -> asyncio.Event:
    """Return an event that is set at SIGINT, SIGTERM or SIGHUP; call it in the running loop, once.

    It is also set once nobody can read `output` any more: the other end of the pipe was closed, or
    the terminal is gone.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_because(**facts: str) -> None:
        log.info("stopping", **facts)
        stop.set()

    def stop_from_thread() -> None:
        # The service may have ended by itself meanwhile.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(partial(stop_because, reason="nobody reads the log"))

    for number in heeded_stop_signals():
        loop.add_signal_handler(number, partial(stop_because, signal=number.name))
    if output is not None:
        output.when_reader_gone(stop_from_thread)
    return stop
