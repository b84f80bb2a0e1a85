"""Run the terminal as a program: check the standard streams, and return an exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

from kraken_book.terminal.app import TerminalApp
from kraken_book.terminal.arguments import read_options
from kraken_book.terminal.hangup import EXIT_CODE, HangupWatch


def run(arguments: Sequence[str]) -> int:
    """Run the terminal with command-line `arguments`, and return the exit code."""
    options = read_options(arguments)
    # Textual reads the keys from stdin, and writes the screen to stderr.
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or not stream.isatty():
            return _fail(f"{name} is no terminal")
    # The screen already shows everything that the client logs.
    logging.getLogger("kraken_book").addHandler(logging.NullHandler())
    logging.getLogger("kraken_book").propagate = False
    app = TerminalApp(options)
    hangup = HangupWatch(lambda: _leave(app))
    hangup.start()
    message = app.run(mouse=False)
    hangup.stop()
    return _fail(message, app.return_code or 2) if message else app.return_code or 0


def _leave(app: TerminalApp) -> None:
    """Exit the terminal from another thread."""
    with suppress(RuntimeError):
        app.call_from_thread(app.exit, return_code=EXIT_CODE)


def _fail(message: str, code: int = 2) -> int:
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"kraken-book tui: {message}\n")
    return code
