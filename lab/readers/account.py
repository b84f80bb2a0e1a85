"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.sse.account import Account, Tally

__all__ = ["Account", "Tally"]
