"""`python -m kraken_book.terminal`: ladders of live books, until `q`, Esc or Ctrl-C."""

from __future__ import annotations

import signal
import sys

NO_TEXTUAL = (
    "python -m kraken_book.terminal: textual is not installed:"
    " pip install 'kraken-book[terminal]' brings it\n"
)


def main() -> int:
    """Show what the command line says; return the exit code."""
    try:
        # Loading takes long enough for a Ctrl-C.
        from kraken_book.terminal.program import run  # noqa: PLC0415

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "textual":
            raise
        # An optional dependency: the client is installed without it.
        if sys.stderr is not None:
            sys.stderr.write(NO_TEXTUAL)
        return 2


if __name__ == "__main__":
    sys.exit(main())
