"""Metrics of every service."""

from __future__ import annotations

from runtime.fast_counter import CallbackCounter
from runtime.logs import dropped_lines

LOG_LINES_DROPPED = CallbackCounter(
    "kraken_book_log_lines_dropped_total",
    "Lines of the log that were dropped, because they could not be written.",
    dropped_lines,
)
