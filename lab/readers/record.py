"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.sse.record import LIVE, Record, Word

__all__ = ["LIVE", "Record", "Word"]
