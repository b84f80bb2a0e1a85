"""One log for a process: readable on a terminal, JSON elsewhere, with a level per module.

Everything passes through the standard library's loggers, so that uvicorn's and websockets' lines
look like ours and obey the same levels.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Literal

import structlog

LogFormat = Literal["console", "json"]

LEVELS = ("debug", "info", "warning", "error", "critical")

# Libraries whose info lines repeat what ours say in our words.
_QUIETER = {"uvicorn": logging.WARNING, "websockets": logging.WARNING, "asyncio": logging.WARNING}


def parse_levels(text: str) -> dict[str, int]:
    """Levels by logger name from text such as `info,collector.kraken=debug`.

    The entry without a name is the root's, under the key "". Raises ValueError with what is wrong
    and what would be right.
    """
    levels = {"": logging.INFO}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, level = part.rpartition("=")
        if level.strip().lower() not in LEVELS:
            raise ValueError(
                f"{part!r} is no level: use one of {', '.join(LEVELS)}, or module=level,"
                " separated by commas"
            )
        levels[name.strip()] = logging.getLevelNamesMapping()[level.strip().upper()]
    return levels


def configure_logs(levels: Mapping[str, int], log_format: LogFormat | None = None) -> None:
    """Send the process's log to standard output.

    `levels` come from `parse_levels`; `log_format` None means console on a terminal, else JSON.
    """
    log_format = log_format or ("console" if sys.stdout.isatty() else "json")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name, level in ({**_QUIETER, **levels}).items():
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


def _renderers(log_format: LogFormat) -> list[structlog.typing.Processor]:
    if log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # Colours also under a launcher that passes our lines on to a terminal and says so.
    return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty() or _colours_forced())]


def _colours_forced() -> bool:
    return bool(os.environ.get("FORCE_COLOR"))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module; `name` is its `__name__`, and its level is set by that name."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
