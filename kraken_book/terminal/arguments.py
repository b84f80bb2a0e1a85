"""The command line and the environment, checked: a mistake is one line on stderr."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from kraken_book.client import watch
from kraken_book.client.address import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE

ALL = "*"


@dataclass(frozen=True)
class Options:
    """What the terminal is asked to show."""

    url: str
    key: str | None
    symbols: tuple[str, ...]
    """The ladders, as they were written; none for the first books that there are."""

    @property
    def is_all(self) -> bool:
        """Whether every book is to have a ladder, also those that come later."""
        return ALL in self.symbols


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def read_options(arguments: Sequence[str]) -> Options:
    """Return the options; if they are wrong, end the process with 2 and one line."""
    parser = _parser()
    given = parser.parse_args(arguments)
    key = os.environ.get(given.key_from) or None
    if key is None and given.key_from != KEY_VARIABLE:
        parser.error(f"--key-from: there is no {given.key_from} in the environment")
    symbols = tuple(dict.fromkeys(given.symbols))
    try:
        watch(given.url, *(symbols or (ALL,)))
    except ValueError as error:
        parser.error(str(error))
    return Options(given.url, key, symbols)


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        "kraken-book tui",
        description="Live ladders of Kraken's order books, each change checked here.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "symbols",
        metavar="SYMBOL",
        nargs="*",
        help="such as BTC/USD or btc-usd; '*' for all; none for the first ones that there are",
    )
    parser.add_argument(
        "--url",
        default=os.environ.get(URL_VARIABLE) or DEFAULT_URL,
        help=f"the api, or a load balancer before it ({URL_VARIABLE}, else {DEFAULT_URL})",
    )
    parser.add_argument(
        "--key-from",
        metavar="VARIABLE",
        default=KEY_VARIABLE,
        help="the environment variable that holds the API key (%(default)s)",
    )
    return parser
