"""One line on a terminal that shows how far a program is."""

from __future__ import annotations

import sys
from time import monotonic

_ERASE_LINE = "\r\x1b[K"
_INTERVAL = 0.2
_BAR_WIDTH = 30


class ProgressLine:
    """Shows a line on stderr and replaces it; does nothing if stderr is no terminal.

    Args:
        name: The program's name, with which the line begins.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown_at = float("-inf")
        self.is_terminal = sys.stderr is not None and sys.stderr.isatty()
        """Whether anything is shown."""

    def show(self, text: str) -> None:
        """Show a text instead of the last one."""
        if self.is_terminal:
            sys.stderr.write(f"{_ERASE_LINE}{self._name}: {text}")
            sys.stderr.flush()

    def show_share(self, done: int, of: int, text: str) -> None:
        """Show a bar, unless one was shown just now.

        Args:
            done: How much is done.
            of: How much there is.
            text: More words.
        """
        now = monotonic()
        if not self.is_terminal or now - self._shown_at < _INTERVAL:
            return
        self._shown_at = now
        share = min(1.0, done / of) if of else 1.0
        bar = "#" * round(share * _BAR_WIDTH)
        self.show(f"[{bar:<{_BAR_WIDTH}}] {share:4.0%}  {text}")

    def clear(self) -> None:
        """Remove the line."""
        if self.is_terminal:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()
