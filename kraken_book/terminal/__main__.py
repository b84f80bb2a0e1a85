"""`python -m kraken_book.terminal`: ladders of live books, until `q`, Esc or Ctrl-C."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Show what the command line says; return the exit code."""
    try:
        # Loading takes long enough for a Ctrl-C.
        from kraken_book.terminal.program import run  # noqa: PLC0415

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
