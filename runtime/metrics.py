"""Metrics of every service."""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge

from kraken_book import __version__
from kraken_book.contract.version import CONTRACT
from runtime.fast_counter import CallbackCounter
from runtime.logs import dropped_lines
from runtime.memory import memory_limit
from runtime.settings import SETTINGS_VERSION

LOG_LINES_DROPPED = CallbackCounter(
    "kraken_book_log_lines_dropped_total",
    "Lines of the log that were dropped, because they could not be written.",
    dropped_lines,
)

BUILD_INFO = Gauge(
    "kraken_book_build_info",
    "1, labelled with the versions of the program, the contract and the settings.",
    ["version", "contract", "settings"],
)
BUILD_INFO.labels(__version__, str(CONTRACT), str(SETTINGS_VERSION)).set(1)


def _count_tasks() -> float:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        # Not asked by a task of the service.
        return 0


TASKS = Gauge("kraken_book_tasks", "Tasks of the event loop.")
TASKS.set_function(_count_tasks)

MEMORY_LIMIT = Gauge(
    "kraken_book_memory_limit_bytes",
    "Memory that this process and those in its container may use together; 0 if it is not limited.",
)
MEMORY_LIMIT.set_function(memory_limit)
