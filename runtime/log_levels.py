"""Parse `LOG_LEVEL`: a level, also per module, such as `info,collector.kraken=debug`."""

from __future__ import annotations

import logging

LEVELS = ("debug", "info", "warning", "error", "critical")


class LogLevels(dict[str, int]):
    """Levels of the standard library's logging by logger name; the root logger's key is ""."""

    def __str__(self) -> str:
        names = {name: logging.getLevelName(level).lower() for name, level in self.items()}
        return ",".join(f"{name}={level}" if name else level for name, level in names.items())


def parse_levels(text: str) -> LogLevels:
    """Return the levels in text such as `info,collector.kraken=debug`.

    Raises:
        ValueError: A part is not a level; the message lists the valid ones.
    """
    levels = LogLevels({"": logging.INFO})
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, level = part.rpartition("=")
        if level.strip().lower() not in LEVELS:
            raise ValueError(
                f"{part!r} is not a level: use one of {', '.join(LEVELS)}, or module=level,"
                " separated by commas"
            )
        levels[name.strip()] = logging.getLevelNamesMapping()[level.strip().upper()]
    return levels
