"""One log for a process: readable on a terminal, JSON elsewhere, with a level per module.

Everything passes through the standard library's loggers, so that uvicorn's and websockets' lines
look like ours and obey the same levels.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Literal

import structlog

from runtime.log_output import OWN_FIELDS, LogOutput
from runtime.printable import printable, printable_lines

LogFormat = Literal["console", "json"]

# Libraries whose info lines repeat what ours say in our words.
_QUIETER = {"uvicorn": logging.WARNING, "websockets": logging.WARNING, "asyncio": logging.WARNING}


def configure_logs(
    levels: Mapping[str, int],
    log_format: LogFormat | None = None,
    *,
    console_levels: Mapping[str, int] | None = None,
) -> LogOutput | None:
    """Send the process's log to standard output, without ever waiting for it.

    Args:
        levels: What `parse_levels` returns.
        log_format: None means console on a terminal, else JSON.
        console_levels: Levels of modules that say too much for a console, unless `levels` names
            them, or asks for all that there is.

    Returns:
        Where the lines go; None if standard output is an object of Python's, such as a StringIO,
        which is written at once.

    """
    log_format = log_format or ("console" if _is_terminal() else "json")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    handler = _open_output()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(OWN_FIELDS)],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                *_renderers(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Facts of each record that no line of ours shows.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    quieter = dict(_QUIETER)
    if log_format == "console" and levels.get("", logging.INFO) > logging.DEBUG:
        quieter |= console_levels or {}
    for name, level in {**quieter, **levels}.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return handler if isinstance(handler, LogOutput) else None


def dropped_lines() -> int:
    """Return how many lines of this process's log were dropped."""
    outputs = [each for each in logging.getLogger().handlers if isinstance(each, LogOutput)]
    return sum(each.dropped for each in outputs)


def _open_output() -> logging.Handler:
    # Python has no sys.stdout in a process that was started with it closed.
    if sys.stdout is None:
        return LogOutput(None)
    try:
        return LogOutput(sys.stdout.fileno())
    except io.UnsupportedOperation:
        return logging.StreamHandler(sys.stdout)


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _renderers(log_format: LogFormat) -> list[structlog.typing.Processor]:
    if log_format == "json":
        return [structlog.processors.JSONRenderer(_dump_json)]
    # Colours also under a launcher that passes our lines on to a terminal and says so.
    colours = _is_terminal() or _colours_forced()
    return [
        _make_printable,
        structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        ),
    ]


def _dump_json(fields: object, **options: Any) -> str:
    # DEL is the one control character that JSON in ASCII lets pass.
    return json.dumps(fields, **options).replace("\x7f", "\\u007f")


def _make_printable(
    _logger: object, _name: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Clean every field, so that foreign text neither commands the terminal nor forges a line."""
    return {printable(str(key)): _cleaned(key, value) for key, value in fields.items()}


def _cleaned(key: str, value: object) -> object:
    if key in _OF_SEVERAL_LINES and isinstance(value, str):
        # Indented, so that no line of it looks like one of the log.
        return printable_lines(value).replace("\n", "\n    ")
    if key == "event" or isinstance(value, str):
        return printable(str(value))
    shown = repr(value)
    return value if shown.isprintable() else printable(shown)


_OF_SEVERAL_LINES = ("exception", "stack")


def _colours_forced() -> bool:
    return bool(os.environ.get("FORCE_COLOR"))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of the module whose `__name__` is `name`; its level is set by that name."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
