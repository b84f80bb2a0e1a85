"""Command line of `python -m kraken_book`: its arguments, and the lines that it prints."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

import msgspec

from kraken_book.client import LiveBook, Watch, watch
from kraken_book.client.address import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE
from kraken_book.printable import printable, printable_json
from kraken_book.programs import ends_quietly, is_reader_gone
from kraken_book.words import explain

NAME = "kraken_book"
WAIT_SECONDS = 10.0
# Interval of looks whether the reader of stdout is gone, also if there is nothing to print.
READER_CHECK_SECONDS = 0.5
MAX_SYMBOL = 40


def run(arguments: Sequence[str]) -> int:
    """Print until the reader or the user ends it; return the exit code."""
    given = read_arguments(arguments)
    # Outages are logged by the client, once and then from time to time.
    logging.basicConfig(format=f"{NAME}: %(message)s", level=logging.WARNING)
    try:
        with ends_quietly(NAME):
            books = watch(
                given.url,
                *given.symbols,
                key=os.environ.get(KEY_VARIABLE, "").strip() or None,
                give_up_after=given.wait or None,
            )
            asyncio.run(_follow(books, event_line if given.json else Tops().line))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m kraken_book",
        description="Follow verified books: a line whenever the best bid or ask moves.",
        epilog=f"{KEY_VARIABLE}, if set, is sent as a Bearer token.",
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="such as BTC/USD; '*' is all")
    url = os.environ.get(URL_VARIABLE) or DEFAULT_URL
    parser.add_argument("--url", default=url, help=f"the api ({URL_VARIABLE}, else {DEFAULT_URL})")
    parser.add_argument("--json", action="store_true", help="every event, as one line of JSON")
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help="for how long to try if nothing answers at the address; 0 tries for ever"
        " (%(default)g)",
    )
    return parser.parse_args(arguments)


def event_line(book: LiveBook) -> str:
    """Return an event as JSON, also one by which this reader says not to trust a book."""
    return printable_json(msgspec.json.encode(book.event)).decode()


class Tops:
    """Writes a line for each change of a best price, its quantity, or a status."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[object, ...]] = {}

    def line(self, book: LiveBook) -> str | None:
        """Return the line of a book, None if it would say the same again."""
        top = (book.best_bid, book.best_ask, book.status, book.reason)
        if self._told.get(book.symbol) == top:
            return None
        self._told[book.symbol] = top
        return top_line(book)


def top_line(book: LiveBook) -> str:
    """Return the top of a book in one line; for one that is not live, why."""
    symbol = printable(book.symbol, MAX_SYMBOL)
    if not book.is_live:
        return f"{'':15}  {symbol:<10} {book.status}: {explain(book.status, book.reason)}"
    time = printable((book.exchange_time or "")[11:26])
    bid = f"{book.best_bid.qty} @ {book.best_bid.price}" if book.best_bid else "-"
    ask = f"{book.best_ask.price} @ {book.best_ask.qty}" if book.best_ask else "-"
    mark = "" if book.source == "kraken" else f"  {printable(book.source or '', MAX_SYMBOL)}"
    return (
        f"{time:15}  {symbol:<10} {bid:>26} | {ask:<26} spread {book.spread or '-'}"
        f"  seq {book.seq}{mark}"
    )


async def _follow(books: Watch, line_of: Callable[[LiveBook], str | None]) -> None:
    """Print until something ends it, which is raised."""
    tasks = [
        asyncio.create_task(_print(books, line_of)),
        asyncio.create_task(_watch_reader()),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _print(books: Watch, line_of: Callable[[LiveBook], str | None]) -> None:
    async with books:
        async for book in books:
            line = line_of(book)
            if line is not None:
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()


async def _watch_reader() -> NoReturn:
    """Raise BrokenPipeError when nobody reads any more."""
    # Nobody tells of it: a pipe has to be asked.
    while not is_reader_gone():  # noqa: ASYNC110
        await asyncio.sleep(READER_CHECK_SECONDS)
    raise BrokenPipeError


def _seconds(text: str) -> float:
    with suppress(ValueError):
        seconds = float(text)
        if 0 <= seconds < float("inf"):
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds: it takes one such as 30")
