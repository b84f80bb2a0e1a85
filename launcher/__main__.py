"""`python -m launcher`: what it does is wired in `run`."""

from __future__ import annotations

import sys
from types import FrameType
from typing import NoReturn

from service.stop_signals import handle_stop_signals


def main() -> int:
    """Run everything; returns what to exit with."""
    handle_stop_signals(leave)
    # On a slow disk these imports take seconds, in which Ctrl-C must end things quietly too.
    from launcher.run import run  # noqa: PLC0415

    return run()


def leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End where nothing runs yet but what ends with its context."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
