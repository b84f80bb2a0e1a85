"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.sse.many_books import ManyBooksReader as ManyReader

__all__ = ["ManyReader"]
