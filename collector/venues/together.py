"""Requests that several symbols share."""

from __future__ import annotations


def take_together(waiting: dict[str, int | None], most: int | None = None) -> tuple[str, ...]:
    """Remove and return the symbols that may share a request with the first one.

    Args:
        waiting: The symbols that wait, in order, each with the most symbols that its request may
            have; None for no limit.
        most: The most symbols of any request; None for no limit.

    Returns:
        The symbols, in order.
    """
    limit = next(iter(waiting.values()))
    alike = [symbol for symbol, other in waiting.items() if other == limit]
    together = tuple(alike[:limit][:most])
    for symbol in together:
        del waiting[symbol]
    return together
