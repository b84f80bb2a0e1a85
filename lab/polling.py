"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.waiting import DEADLINE as DEADLINE_SECONDS
from lab.waiting import async_wait_for as eventually
from lab.waiting import cancel as end

__all__ = ["DEADLINE_SECONDS", "end", "eventually"]
