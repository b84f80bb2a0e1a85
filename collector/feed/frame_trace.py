"""The trace of frames in the log, at the level debug of `collector.trace`.

A frame's line has the time of its reading, which is `received_at` of its events.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from collector.feed.timestamp import Timestamp
from kraken_book.timestamps import rfc3339
from runtime.logs import get_logger

LOGGER = "collector.trace"
# Enough for symbol and checksum of a frame with some levels.
MAX_FRAME_CHARACTERS = 400

log = get_logger(LOGGER)


def is_tracing() -> bool:
    """Return whether events are traced; ask once, after the log is configured."""
    return logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG)


def trace_frames(connection: str, messages: Sequence[bytes], read_at: Timestamp) -> None:
    """Log frames that were read together."""
    received_at = rfc3339(read_at.unix)
    for message in messages:
        frame = message[:MAX_FRAME_CHARACTERS].decode(errors="backslashreplace")
        log.debug(
            "frame received",
            connection=connection,
            received_at=received_at,
            bytes=len(message),
            frame=frame,
        )
