"""How a subcommand runs: its errors become an exit code, and its log goes to stderr."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kraken_book.programs import ends_quietly


def exit_code_of(name: str, work: Callable[[], int | None]) -> int:
    """Do the work of a subcommand, and end it as `ends_quietly` does.

    Args:
        name: The subcommand's name, for its messages.
        work: What to do; it returns the exit code, or None for 0.

    Returns:
        The exit code.
    """
    try:
        with ends_quietly(name):
            return work() or 0
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1


def log_to_stderr(name: str, log: logging.Logger | None = None) -> None:
    """Write warnings to stderr, in lines that begin with the name of the subcommand.

    Args:
        name: The subcommand's name.
        log: Its own logger, which also writes what is not a warning.
    """
    logging.basicConfig(format=f"{name}: %(message)s", level=logging.WARNING)
    if log is not None:
        log.setLevel(logging.INFO)
