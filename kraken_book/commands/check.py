"""`kraken-book check`: check the feed of a venue, with the collector of this installation."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence

__all__ = ["run"]

# The library imports no service, and works without them.
_MODULE = "collector.venues.check"


def run(arguments: Sequence[str]) -> int:
    """Run the check of the collector; return the exit code."""
    if importlib.util.find_spec(_MODULE.partition(".")[0]) is None:
        sys.stderr.write(
            "kraken-book check: the collector is not installed: run it in a clone of the"
            " repository, or in the image: docker compose run --rm collector kraken-book check\n"
        )
        return 2
    check = importlib.import_module(_MODULE)
    code: int = check.main(arguments)
    return code
