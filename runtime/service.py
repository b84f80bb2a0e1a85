"""The life of a service: read the settings, set up the log, run tasks, stop at a signal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, TypeVar

from runtime.command_line import refuse_arguments
from runtime.log_output import LogOutput
from runtime.logs import configure_logs, get_logger
from runtime.memory import tune_gc
from runtime.process import heeded_stop_signals, hold_standard_descriptors
from runtime.settings import ServiceSettings, read_settings

CANCEL_INTERVAL = 0.1

Settings = TypeVar("Settings", bound=ServiceSettings)

log = get_logger(__name__)


def begin(
    module: str,
    what: str,
    kind: type[Settings],
    *,
    console_levels: Mapping[str, int] | None = None,
) -> tuple[Settings, LogOutput | None]:
    """Read the settings and set up the log; end the process if it cannot start like this.

    Args:
        module: What `python -m` is given.
        what: What the service does, for `--help`.
        kind: The class of its settings.
        console_levels: Levels of modules that say too much for a console.

    Returns:
        The settings, and where the log goes.

    """
    hold_standard_descriptors()
    refuse_arguments(module, what, kind)
    settings = read_settings(kind)
    output = configure_logs(settings.log_level, settings.log_format, console_levels=console_levels)
    tune_gc()
    return settings, output


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


async def stop_or_failure(stop: asyncio.Event, tasks: Collection[asyncio.Task[Any]]) -> None:
    """Return when `stop` is set, or when one of `tasks` ended, which none does but by failing."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and return when all have ended; raise what one of them failed with.

    They are cancelled again until they end: Python 3.11's `asyncio.wait_for`, which redis-py uses,
    loses a cancellation that comes together with its result. So none of `tasks` may be a group of
    others.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_INTERVAL)
    for task in tasks:
        if not task.cancelled():
            task.result()
