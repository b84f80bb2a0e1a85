"""`python -m kraken_book BTC/USD`: the top of books as it moves, or their events as JSON lines."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Iterator

import msgspec

from kraken_book.client import LiveBook, Refused, watch
from kraken_book.client.address import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE


def main(arguments: list[str] | None = None) -> int:
    """Print until the pipe or the user ends it; 2 where the arguments or the api say no."""
    given = read_arguments(arguments)
    try:
        books = watch(given.url, *given.symbols, key=os.environ.get(KEY_VARIABLE) or None)
        for line in events(books) if given.json else tops(books):
            print(line, flush=True)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # As `| head` ends it. Nothing can be written any more, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, Refused) as error:
        print(f"kraken_book: {error}", file=sys.stderr)
        return 2
    raise AssertionError("a watch has no end")


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m kraken_book",
        description="Follow verified books: a line whenever the best bid or ask moves.",
        epilog=f"{KEY_VARIABLE}, if set, is sent as a Bearer token.",
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="such as BTC/USD; '*' is all")
    url = os.environ.get(URL_VARIABLE) or DEFAULT_URL
    parser.add_argument("--url", default=url, help=f"the api ({URL_VARIABLE}, else {DEFAULT_URL})")
    parser.add_argument("--json", action="store_true", help="every event, as one line of JSON")
    return parser.parse_args(arguments)


def events(books: Iterable[LiveBook]) -> Iterator[str]:
    """Every event, also those by which this reader says that a book is not to be trusted."""
    for book in books:
        yield msgspec.json.encode(book.event).decode()


def tops(books: Iterable[LiveBook]) -> Iterator[str]:
    """A line for each change of a best price, its quantity, or a status."""
    told: dict[str, tuple[object, ...]] = {}
    for book in books:
        top = (book.best_bid, book.best_ask, book.status, book.reason)
        if told.get(book.symbol) != top:
            told[book.symbol] = top
            yield top_line(book)


def top_line(book: LiveBook) -> str:
    """The top of a book in one line; of one that is not live, why."""
    if not book.is_live:
        why = f": {book.reason}" if book.reason else ""
        return f"{'':15}  {book.symbol:<10} {book.status}{why}"
    time = (book.exchange_time or "")[11:26]
    bid = f"{book.best_bid.qty} @ {book.best_bid.price}" if book.best_bid else "-"
    ask = f"{book.best_ask.price} @ {book.best_ask.qty}" if book.best_ask else "-"
    mark = "" if book.source == "kraken" else f"  {book.source}"
    return (
        f"{time:15}  {book.symbol:<10} {bid:>26} | {ask:<26} spread {book.spread or '-'}"
        f"  seq {book.seq}{mark}"
    )


if __name__ == "__main__":
    sys.exit(main())
