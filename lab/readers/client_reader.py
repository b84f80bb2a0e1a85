"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.sse.client_reader import ClientReader

__all__ = ["ClientReader"]
