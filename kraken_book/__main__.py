"""`python -m kraken_book BTC/USD`: the top of books as it moves, or their events as JSON lines."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        # Loading takes long enough for a Ctrl-C.
        from kraken_book.command_line import run  # noqa: PLC0415

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
