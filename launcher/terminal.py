"""Lines for the person at the terminal, from before there is a log to write them to."""

from __future__ import annotations

import sys

_LOUD = "\033[1;41;97m{}\033[0m"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def shout(line: str) -> None:
    """Print a line that nobody overlooks: marked in text, and in colour on a terminal."""
    marked = f"!! {line}"
    say(_LOUD.format(marked) if sys.stdout.isatty() else marked)
