"""`python -m kraken_book`: the same as the program `kraken-book`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        # Loading takes long enough for a Ctrl-C.
        from kraken_book.command_line import main as run  # noqa: PLC0415
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
