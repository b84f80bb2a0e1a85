"""What keeps the launcher from starting, as one line for the person at the terminal."""

from __future__ import annotations


class CannotStartError(Exception):
    """The message says what is wrong and what to do about it."""
