"""The life of a service: read settings, configure logging, run tasks, stop at a signal."""

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
from runtime.process import active_stop_signals, hold_standard_descriptors
from runtime.retired_settings import describe_retired
from runtime.settings import ServiceSettings, all_variables, read_settings

CANCEL_INTERVAL = 0.1

Settings = TypeVar("Settings", bound=ServiceSettings)

log = get_logger(__name__)


def begin(
    module: str,
    description: str,
    kind: type[Settings],
    *,
    console_levels: Mapping[str, int] | None = None,
    other_variables: Mapping[str, str] | None = None,
) -> tuple[Settings, LogOutput | None]:
    """Read the settings and configure logging.

    The process exits if it has arguments or if a setting is wrong.

    Args:
        module: The service's name for `python -m`.
        description: The service's purpose, for `--help`.
        kind: The class of its settings.
        console_levels: Levels of modules that log too much for a console.
        other_variables: Variables that libraries read, each with a line for `--help`.

    Returns:
        The settings and the handler of the log, as `configure_logs` returns it.
    """
    hold_standard_descriptors()
    refuse_arguments(module, description, kind, other_variables=other_variables)
    settings = read_settings(kind)
    output = configure_logs(settings.log_level, settings.log_format, console_levels=console_levels)
    for line in describe_retired(all_variables()):
        log.warning("setting is deprecated", **line)
    tune_gc()
    return settings, output


def pass_over_late_failures() -> None:
    """Log failures of attempts that were given up at debug level; call it in the running loop.

    A name that is resolved too late raises its error in a future that nobody awaits any more, and
    asyncio would log each as an error with a traceback.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error, future = context.get("exception"), context.get("future")
        # A task that fails is a fault of the service.
        is_attempt = isinstance(future, asyncio.Future) and not isinstance(future, asyncio.Task)
        if isinstance(error, OSError) and is_attempt:
            log.debug("attempt failed after it was given up", error=str(error))
        else:
            loop.default_exception_handler(context)

    asyncio.get_running_loop().set_exception_handler(handle)


def stop_on_signals(output: LogOutput | None = None) -> asyncio.Event:
    """Return an event that is set at SIGINT, SIGTERM or SIGHUP; call it once, in the running loop.

    The event is also set when the reader of `output` is gone: the pipe's other end or the terminal
    is closed.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_because(**facts: str) -> None:
        log.info("stopping", **facts)
        stop.set()

    def stop_from_thread() -> None:
        # The loop is closed if the service has already ended.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(partial(stop_because, reason="log reader gone"))

    for number in active_stop_signals():
        loop.add_signal_handler(number, partial(stop_because, signal=number.name))
    if output is not None:
        output.when_reader_gone(stop_from_thread)
    return stop


async def stop_or_failure(stop: asyncio.Event, tasks: Collection[asyncio.Task[Any]]) -> None:
    """Return when `stop` is set or one of `tasks` has ended, which happens only by an error."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel `tasks`, wait until all have ended, and raise the error of the first that failed.

    Tasks are cancelled repeatedly, because Python 3.11's `asyncio.wait_for`, which redis-py uses,
    loses a cancellation that arrives together with its result. Therefore no task may run a
    `TaskGroup`.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_INTERVAL)
    for task in tasks:
        if not task.cancelled():
            task.result()
