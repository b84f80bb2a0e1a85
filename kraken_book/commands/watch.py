"""`kraken-book watch`: print the top of books as it moves, or their events as lines of JSON."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

import msgspec

from kraken_book.client import LiveBook, Watch, watch
from kraken_book.client.address import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE
from kraken_book.client.arguments import MAX_SECONDS
from kraken_book.commands.parser import CommandParser
from kraken_book.commands.reading import READER_VARIABLES
from kraken_book.commands.running import exit_code_of, log_to_stderr
from kraken_book.printable import printable, printable_json
from kraken_book.programs import is_reader_gone
from kraken_book.words import explain

NAME = "kraken-book"
EXIT_CODES = {
    0: "the reader of the output has closed it, as head does",
    1: "nothing answered, or the output cannot be written",
    2: "an argument or a setting is invalid, or the api refuses the request",
    130: "interrupted by SIGINT (Ctrl-C)",
}
WAIT_SECONDS = 10.0
# How often to check that stdout still has a reader, also if there is nothing to print.
READER_CHECK_SECONDS = 0.5
MAX_SYMBOL_CHARACTERS = 40


def run(arguments: Sequence[str]) -> int:
    """Print until the user, the reader of stdout or an error ends it; return the exit code."""
    given = read_arguments(arguments)
    # The client logs an outage once, and again from time to time.
    log_to_stderr(NAME)
    return exit_code_of(NAME, lambda: _watch(given))


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = CommandParser(
        "watch",
        "Follow verified books: a line whenever the best bid or ask moves.",
        EXIT_CODES,
        READER_VARIABLES,
    )
    parser.add_argument(
        "symbols",
        nargs="+",
        metavar="SYMBOL",
        help="such as BTC/USD, binance:BTC/USDT or '*/USD'; '*' for all",
    )
    url = os.environ.get(URL_VARIABLE) or DEFAULT_URL
    parser.add_argument("--url", default=url, help=f"the api ({URL_VARIABLE}, else {DEFAULT_URL})")
    parser.add_argument(
        "--json", action="store_true", help="print every event, each as a line of JSON"
    )
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help="time without any answer after which it gives up; 0 for never (%(default)g)",
    )
    given: argparse.Namespace = parser.parse_args(arguments)
    return given


def _watch(given: argparse.Namespace) -> None:
    books = watch(
        given.url,
        *given.symbols,
        key=os.environ.get(KEY_VARIABLE, "").strip() or None,
        give_up_after=given.wait or None,
    )
    asyncio.run(_follow(books, event_line if given.json else Tops().line))


def event_line(book: LiveBook) -> str:
    """Return the event of a book as a line of JSON.

    The client makes an event too, if it cannot verify the book: its status is `syncing`.
    """
    return printable_json(msgspec.json.encode(book.event)).decode()


class Tops:
    """Lines of books, one whenever the best bid, the best ask or the status changes."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[object, ...]] = {}

    def line(self, book: LiveBook) -> str | None:
        """Return the line of a book; None if it has not changed since the last one."""
        top = (book.best_bid, book.best_ask, book.status, book.reason)
        if self._shown.get(book.symbol) == top:
            return None
        self._shown[book.symbol] = top
        return top_line(book)


def top_line(book: LiveBook) -> str:
    """Return the best bid and ask of a book in one line, or why the book is not live."""
    symbol = printable(book.symbol, MAX_SYMBOL_CHARACTERS)
    if not book.is_live:
        why = explain(book.status, book.reason, book.venue)
        return f"{'':15}  {symbol:<10} {book.status}: {why}"
    time = printable((book.exchange_time or "")[11:26])
    bid = f"{book.best_bid.qty} @ {book.best_bid.price}" if book.best_bid else "-"
    ask = f"{book.best_ask.price} @ {book.best_ask.qty}" if book.best_ask else "-"
    mark = (
        ""
        if book.source == book.venue
        else f"  {printable(book.source or '', MAX_SYMBOL_CHARACTERS)}"
    )
    return (
        f"{time:15}  {symbol:<10} {bid:>26} | {ask:<26} spread {book.spread or '-'}"
        f"  seq {book.seq}{mark}"
    )


async def _follow(books: Watch, line_of: Callable[[LiveBook], str | None]) -> None:
    """Print until printing fails or stdout has no reader; raise what ended it."""
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
    """Raise BrokenPipeError when stdout has no reader any more."""
    # A pipe does not report it until something is written.
    while not is_reader_gone():  # noqa: ASYNC110
        await asyncio.sleep(READER_CHECK_SECONDS)
    raise BrokenPipeError


def _seconds(text: str) -> float:
    with suppress(ValueError):
        seconds = float(text)
        if 0 <= seconds <= MAX_SECONDS:
            return seconds
    raise argparse.ArgumentTypeError(
        f"{text!r} is no number of seconds: use 0 to {MAX_SECONDS}, such as 30"
    )
