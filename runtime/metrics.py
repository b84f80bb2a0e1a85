"""Metrics of every service."""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge

from runtime.fast_counter import CallbackCounter
from runtime.logs import dropped_lines

LOG_LINES_DROPPED = CallbackCounter(
    "kraken_book_log_lines_dropped_total",
    "Lines of the log that were dropped, because they could not be written.",
    dropped_lines,
)


def _count_tasks() -> float:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        # Not asked by a task of the service.
        return 0


TASKS = Gauge("kraken_book_tasks", "Tasks of the event loop.")
TASKS.set_function(_count_tasks)
