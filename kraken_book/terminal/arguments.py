"""The terminal's options from the command line and the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from kraken_book.client import watch
from kraken_book.client.address import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE
from kraken_book.client.arguments import wildcards_in
from kraken_book.commands.parser import CommandParser
from kraken_book.commands.reading import READER_VARIABLES
from kraken_book.printable import printable
from kraken_book.selection import is_wildcard
from kraken_book.symbols import SymbolIndex, suggest_symbols
from kraken_book.terminal.palette import Theme

ALL = "*"
# The page also opens this many ladders without a choice.
FIRST_LADDERS = 4
MAX_SHOWN = 300
THEMES: tuple[Theme, Theme] = ("dark", "light")
THEME_VARIABLE = "KRAKEN_BOOK_THEME"
AUTO = "auto"
CHOICES = (*THEMES, AUTO)
# Some terminals tell the numbers of their colours for text and background, such as 0;15. These are
# the light ones of the sixteen.
LIGHT_GROUNDS = {"7", *map(str, range(9, 16))}

EXIT_CODES = {
    0: "left with q or Ctrl-C",
    1: "a part of it has failed",
    2: "an argument or a setting is invalid, the api refuses the request, or there is no terminal",
    129: "the terminal was closed",
}


class UnknownNames(Exception):
    """The api does not have the symbols of the options; the message names them."""


@dataclass(frozen=True)
class Options:
    """The api, and the books to show."""

    url: str
    key: str | None
    symbols: tuple[str, ...]
    """The names of the ladders' symbols in any spelling; empty for the first books of the api."""
    theme: Theme = "dark"

    @property
    def is_all(self) -> bool:
        """Whether every book has a ladder, including books that appear later."""
        return self.symbols == (ALL,)

    def resolve(self, known: Sequence[str], served: Sequence[str]) -> list[str]:
        """Return the symbols of the ladders to open.

        Args:
            known: All symbols of the api.
            served: The symbols that their venues have not refused.

        Raises:
            UnknownNames: The api does not have some of the names.
        """
        if not self.symbols:
            return list(served[:FIRST_LADDERS])
        if self.is_all:
            return list(known)
        index = SymbolIndex(known)
        found = {name: index.find(name) for name in self.symbols if not is_wildcard(name)}
        unknown = [name for name, symbol in found.items() if symbol is None]
        if unknown:
            raise UnknownNames("; ".join(_unknown_name(name, known) for name in unknown))
        names = [symbol for symbol in found.values() if symbol is not None]
        wildcards = wildcards_in(self.symbols)
        return list(dict.fromkeys([*names, *(wildcards.among(served) if wildcards else ())]))


def _unknown_name(name: str, known: Sequence[str]) -> str:
    near = suggest_symbols(name, known)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return printable(f"there is no book of {name!r}{hint}", MAX_SHOWN)


def read_options(arguments: Sequence[str]) -> Options:
    """Return the options; if they are invalid, exit with 2 and one line on stderr."""
    parser = _parser()
    given = parser.parse_args(arguments)
    key = os.environ.get(given.key_from) or None
    if key is None and given.key_from != KEY_VARIABLE:
        parser.error(f"--key-from: the environment has no variable {given.key_from}")
    symbols = tuple(dict.fromkeys(given.symbols))
    try:
        watch(given.url, *(symbols or (ALL,)))
    except ValueError as error:
        parser.error(str(error))
    if given.theme not in CHOICES:
        parser.error(f"{THEME_VARIABLE}={given.theme!r}: use {', '.join(CHOICES)}")
    return Options(given.url, key, symbols, _theme(given.theme))


def _theme(given: str) -> Theme:
    """Return the theme of that name; for `auto` that of the terminal if it tells it, else dark."""
    for theme in THEMES:
        if given == theme:
            return theme
    ground = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return "light" if ground in LIGHT_GROUNDS else "dark"


def _parser() -> CommandParser:
    parser = CommandParser(
        "tui",
        "Live ladders of order books, each change checked here.",
        EXIT_CODES,
        READER_VARIABLES
        | {
            "NO_COLOR (unset)": "if it is set, the screen has no colours",
            f"{THEME_VARIABLE} ({AUTO})": "the theme, see --theme",
        },
    )
    parser.add_argument(
        "symbols",
        metavar="SYMBOL",
        nargs="*",
        help="such as BTC/USD, btc-usd, binance:BTC/USDT or '*:BTC/USD'; '*' for all; none for the"
        " first books of the api",
    )
    parser.add_argument(
        "--url",
        default=os.environ.get(URL_VARIABLE) or DEFAULT_URL,
        help=f"the api or a load balancer in front of it ({URL_VARIABLE}, else {DEFAULT_URL})",
    )
    parser.add_argument(
        "--key-from",
        metavar="VARIABLE",
        default=KEY_VARIABLE,
        help="the environment variable that holds the API key (%(default)s)",
    )
    parser.add_argument(
        "--theme",
        choices=CHOICES,
        default=os.environ.get(THEME_VARIABLE) or AUTO,
        help=f"the colours; auto takes those of the terminal if COLORFGBG tells them, else dark"
        f" ({THEME_VARIABLE}, else {AUTO})",
    )
    return parser
