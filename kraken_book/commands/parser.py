"""The command line of a subcommand: its help names its variables and exit codes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from kraken_book import __version__
from kraken_book.printable import printable
from kraken_book.speedups import PURE_VARIABLE

PROGRAM = "kraken-book"

_PREFIX = "KRAKEN_BOOK_"
# The least similarity of a misspelt name: see `runtime.setting_names`.
_CUTOFF = 0.87


class CommandParser(argparse.ArgumentParser):
    """The parser of a subcommand.

    Args:
        command: The name of the subcommand.
        description: Its purpose.
        exit_codes: Its exit codes, each with its condition.
        variables: The environment variables that it reads, each with a line of help.
    """

    def __init__(
        self,
        command: str,
        description: str,
        exit_codes: Mapping[int, str],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        lines = ["exit codes:", *(f"  {code:<3} {text}" for code, text in exit_codes.items())]
        if variables:
            shown = [f"  {name}\n      {text}" for name, text in variables.items()]
            lines = ["environment variables:", *shown, "", *lines]
        super().__init__(
            f"{PROGRAM} {command}",
            description=description,
            epilog="\n".join(lines),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_argument(
            "--version",
            action="version",
            version=f"{PROGRAM} {__version__}",
            help="print the version",
        )
        own = {name.split()[0] for name in variables or ()}
        self._own = [PURE_VARIABLE, *sorted(name for name in own if name.startswith(_PREFIX))]

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Return the arguments; a misspelt environment variable is an error."""
        given = super().parse_args(args, namespace)
        for name in sorted(os.environ):
            if name.startswith(_PREFIX) and name not in self._own and os.environ[name]:
                for meant in get_close_matches(name, self._own, n=1, cutoff=_CUTOFF):
                    self.error(f"{name}: unknown setting; did you mean {meant}?")
        return given

    def error(self, message: str) -> NoReturn:
        """Print the error in one line and exit with 2."""
        self.exit(2, printable(f"{self.prog}: {message}; see --help") + "\n")
