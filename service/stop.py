"""SIGINT and SIGTERM as an event that a service's tasks await."""

from __future__ import annotations

import asyncio
import signal

from service.logs import get_logger

log = get_logger(__name__)


def stop_on_signals() -> asyncio.Event:
    """An event that is set at SIGINT or SIGTERM; call it in the running loop, once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    return stop
