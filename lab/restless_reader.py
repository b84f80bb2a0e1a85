"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.sse.roaming import Published
from lab.sse.roaming import RoamingAccount as Account
from lab.sse.roaming import RoamingReader as RestlessReader

__all__ = ["Account", "Published", "RestlessReader"]
