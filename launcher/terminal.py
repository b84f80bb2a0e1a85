"""Lines for the person at the terminal, from before there is a log to write them to."""

from __future__ import annotations

import os
import sys

from runtime.printable import printable, printable_lines

_LOUD = "\033[1;41;97m{}\033[0m"


def say(line: str) -> None:
    """Print a line at once."""
    _write(printable_lines(line))


def shout(line: str) -> None:
    """Print a line that nobody overlooks: marked in text, and in colour on a terminal."""
    marked = f"!! {printable(line)}"
    _write(_LOUD.format(marked) if sys.stdout.isatty() else marked)


def _write(text: str) -> None:
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        # Nobody reads it. What Python writes at its end needs somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
