"""The time limits of a client."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DEFAULT_PATIENCE", "Patience"]


class Patience(NamedTuple):
    """Time limits in seconds."""

    connect: float = 5.0
    """For connecting."""
    answer: float = 20.0
    """For the head of an answer, including connecting."""
    silence: float = 20.0
    """Without a byte or a whole message. The api sends a comment after 15 s without a message."""
    refusal: float = 5.0
    """For the body of an answer that is not a stream."""
    max_pause: float = 60.0
    """The longest pause before connecting again, even if the api requests a longer one."""
    proof: float = 10.0
    """A stream of this length proves that the api works, and resets the growing pauses."""


DEFAULT_PATIENCE = Patience()
