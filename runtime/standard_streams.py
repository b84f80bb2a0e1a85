"""Standard input, output and error of a process that was started with one of them closed."""

from __future__ import annotations

import os


def hold_standard_descriptors() -> None:
    """Open /dev/null in place of each standard descriptor that is closed.

    Otherwise the next socket that is opened gets its number, and whatever a library prints goes
    to Redis or to a client.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Takes the lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
