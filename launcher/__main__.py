"""`python -m launcher`: what it does is wired in `run`."""

from __future__ import annotations

import sys

from runtime.process import exit_at_stop_signals


def main() -> int:
    """Run everything; return the exit code."""
    exit_at_stop_signals()
    # On a slow disk these imports take seconds, in which Ctrl-C must end things quietly too.
    from launcher.run import run  # noqa: PLC0415

    return run()


if __name__ == "__main__":
    sys.exit(main())
