"""Least levels of what is logged, as `LOG_LEVEL` has them: `info,collector.kraken=debug`."""

from __future__ import annotations

import logging

LEVELS = ("debug", "info", "warning", "error", "critical")


class LogLevels(dict[str, int]):
    """Levels of the standard library's logging by logger; the root's key is ""."""

    def __str__(self) -> str:
        names = {name: logging.getLevelName(level).lower() for name, level in self.items()}
        return ",".join(f"{name}={level}" if name else level for name, level in names.items())


def parse_levels(text: str) -> LogLevels:
    """Return the levels in text such as `info,collector.kraken=debug`.

    Raises:
        ValueError: If a part is no level; the message says what is taken.

    """
    levels = LogLevels({"": logging.INFO})
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, level = part.rpartition("=")
        if level.strip().lower() not in LEVELS:
            raise ValueError(
                f"{part!r} is no level: use one of {', '.join(LEVELS)}, or module=level,"
                " separated by commas"
            )
        levels[name.strip()] = logging.getLevelNamesMapping()[level.strip().upper()]
    return levels
