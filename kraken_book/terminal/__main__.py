"""`python -m kraken_book.terminal`: the same as `kraken-book tui`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the terminal; return the exit code."""
    try:
        # Loading takes long enough for a Ctrl-C.
        from kraken_book.command_line import run_command  # noqa: PLC0415
    except KeyboardInterrupt:
        return 130
    return run_command("tui", sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
