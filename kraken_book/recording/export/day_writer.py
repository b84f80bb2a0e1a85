"""The interface of all formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from kraken_book.recording.export.window import WindowStep
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.symbols import pair_of, venue_of

__all__ = ["DayWriter"]


class DayWriter(ABC):
    """Writes one book's day into a file.

    Args:
        path: The file.
        symbol: The symbol.
    """

    suffix: str
    """The end of the file's name."""
    uses_steps = True
    """Whether it gets steps; otherwise it gets events."""

    def __init__(self, path: Path, symbol: str) -> None:
        self._path = path
        self._symbol = symbol

    @staticmethod
    def name(symbol: str, day: str) -> str:
        """Return the name of a file without its suffix.

        Args:
            symbol: The symbol.
            day: The day, such as 2026-11-27.
        """
        return f"{venue_of(symbol)}_{day}_{pair_of(symbol).replace('/', '-')}"

    def write_step(self, step: WindowStep) -> None:
        """Write one step."""
        raise NotImplementedError

    def write_event(self, recorded: RecordedEvent) -> None:
        """Write one event."""
        raise NotImplementedError

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""

    @abstractmethod
    def abandon(self) -> None:
        """Close the file without finishing it; the caller removes it."""
