"""Configure logging: readable lines on a terminal, JSON elsewhere, a level per module.

All lines pass through the standard library's logging, so that those of uvicorn and websockets have
the same format and obey the same levels.
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

# The info lines of these libraries repeat ours.
_LIBRARY_LEVELS = {
    "uvicorn": logging.WARNING,
    "websockets": logging.WARNING,
    "asyncio": logging.WARNING,
}


def configure_logs(
    levels: Mapping[str, int],
    log_format: LogFormat | None = None,
    *,
    console_levels: Mapping[str, int] | None = None,
) -> LogOutput | None:
    """Send the log of this process to standard output; logging never waits for it.

    Args:
        levels: The levels by logger, from `parse_levels`.
        log_format: The format; None means console on a terminal and JSON elsewhere.
        console_levels: Levels of modules that log too much for a console. They do not apply if
            `levels` names the module or has debug for all modules.

    Returns:
        The handler; None if standard output has no file descriptor, as a StringIO, so that lines
        are written at once.
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
    # No line shows these attributes of records, so they are not computed.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    defaults = dict(_LIBRARY_LEVELS)
    if log_format == "console" and levels.get("", logging.INFO) > logging.DEBUG:
        defaults |= console_levels or {}
    for name, level in {**defaults, **levels}.items():
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
    """Return the number of dropped lines of this process's log."""
    outputs = [each for each in logging.getLogger().handlers if isinstance(each, LogOutput)]
    return sum(each.dropped for each in outputs)


def _open_output() -> logging.Handler:
    # Python sets sys.stdout to None if standard output was closed when the process started.
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
    # The launcher, which passes our lines on to a terminal, sets FORCE_COLOR.
    colours = _is_terminal() or _colours_forced()
    return [
        _make_printable,
        structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        ),
    ]


def _dump_json(fields: object, **options: Any) -> str:
    # DEL is the only control character that ASCII JSON does not escape.
    return json.dumps(fields, **options).replace("\x7f", "\\u007f")


def _make_printable(
    _logger: object, _name: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape every field, so that foreign text neither controls the terminal nor forges a line."""
    return {printable(str(key)): _escaped(key, value) for key, value in fields.items()}


def _escaped(key: str, value: object) -> object:
    if key in _MULTILINE_FIELDS and isinstance(value, str):
        # Indented, so that no part of it looks like a line of the log.
        return printable_lines(value).replace("\n", "\n    ")
    if key == "event" or isinstance(value, str):
        return printable(str(value))
    shown = repr(value)
    return value if shown.isprintable() else printable(shown)


_MULTILINE_FIELDS = ("exception", "stack")


def _colours_forced() -> bool:
    return bool(os.environ.get("FORCE_COLOR"))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of the module `name`, which is also its name in `LOG_LEVEL`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
