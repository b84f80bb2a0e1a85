"""The options that choose a part of a recording: symbols and times."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from kraken_book.client.arguments import ALL, parse_time
from kraken_book.errors import Unusable
from kraken_book.recording.reader import BookFile, find_book_files
from kraken_book.recording.replay import TimeRange, choose_files
from kraken_book.selection import Selection, parse_selection

__all__ = ["add_selection", "parse_symbols", "selected"]


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add --symbols, --from and --to."""
    parser.add_argument(
        "--symbols",
        type=parse_symbols,
        default=ALL,
        metavar="LIST",
        help="such as BTC/USD,ETH/USD or 'BTC/*' or '*,!USDT/USD' (all)",
    )
    parser.add_argument(
        "--from", dest="start", type=_time, metavar="TIME", help="such as 2026-11-27T18:00:00Z"
    )
    parser.add_argument(
        "--to", dest="end", type=_time, metavar="TIME", help="the time before which it ends"
    )


def selected(given: argparse.Namespace, paths: Iterable[Path]) -> tuple[list[BookFile], TimeRange]:
    """Return the files and the times that the options choose.

    Args:
        given: The options.
        paths: The recordings.
    """
    span = TimeRange(given.start, given.end)
    return choose_files(find_book_files(paths), given.symbols, span), span


def parse_symbols(text: str) -> Selection:
    """Return the selection of a text.

    Raises:
        argparse.ArgumentTypeError: It selects nothing, or a part is no symbol.
    """
    try:
        selection = parse_selection(text).normalized()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not selection.names and not selection.patterns:
        raise argparse.ArgumentTypeError("name a symbol such as BTC/USD, or '*' for all")
    return selection


def _time(text: str) -> int | None:
    try:
        return parse_time("time", text)
    except Unusable as error:
        raise argparse.ArgumentTypeError(str(error)) from None
