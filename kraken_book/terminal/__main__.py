"""`python -m kraken_book.terminal`: ladders of live books, until `q`, Esc or Ctrl-C."""

from __future__ import annotations

import logging
import sys

from kraken_book.terminal.app import TerminalApp
from kraken_book.terminal.arguments import read_options


def main() -> int:
    """Show what the command line says; the exit code."""
    options = read_options(sys.argv[1:])
    # Keys come from the first, the screen goes to the last.
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if not stream.isatty():
            return _fail(f"{stream.name.strip('<>')} is no terminal")
    # Whatever the client logs is on the screen already, in its place.
    logging.getLogger("kraken_book").addHandler(logging.NullHandler())
    logging.getLogger("kraken_book").propagate = False
    app = TerminalApp(options)
    message = app.run(mouse=False)
    return _fail(message) if message else app.return_code or 0


def _fail(message: str) -> int:
    sys.stderr.write(f"python -m kraken_book.terminal: {message}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
