"""A reader of the past events of one symbol, page by page, that keeps every event and told gap.

This module is an independent witness: it shares no code with the product.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urljoin

import httpx

from lab.waiting import wait_until


class PagedEvents:
    """A reader that follows the links from page to page.

    Attributes:
        ids: The id of each event, in order.
        events: All events.
        gaps: The number of events before each gap that a page told of.

    Args:
        http: A client of the api.
        symbol: The symbol.
        query: The parameters of the first page.

    """

    def __init__(self, http: httpx.Client, symbol: str, query: str) -> None:
        self.ids: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.gaps: list[int] = []
        self._http = http
        self._path = f"/events/{quote(symbol, safe='')}"
        self._query = query
        self._next = f"?{query}"

    def read_page(self) -> bool:
        """Read one page; return whether a link leads to another one now."""
        answer = self._http.get(urljoin(self._path, self._next))
        assert answer.status_code == 200, answer.text
        if answer.headers["X-Events-Trimmed"] == "true":
            self.gaps.append(len(self.ids))
        stored = _stored_events(answer)
        self.ids += [each["id"] for each in stored]
        self.events += [each["event"] for each in stored]
        link = answer.links.get("next")
        if link is not None:
            self._next = link["url"]
        elif self.ids:
            kept = [each for each in self._query.split("&") if not each.startswith(("from", "aft"))]
            self._next = "?" + "&".join([f"after={self.ids[-1]}", *kept])
        return link is not None

    def read_all(self) -> None:
        """Read all pages that there are now."""
        while self.read_page():
            pass

    def read_until(self, count: int) -> None:
        """Read pages, also of events that come later, until there are so many events."""

        def has_enough() -> bool:
            self.read_page()
            return len(self.ids) >= count

        wait_until(has_enough, f"{self._path} has {count} events")

    def assert_same(self, ids: Sequence[str | None], events: Sequence[dict[str, Any]]) -> None:
        """Assert that these are the events of a stream from its opening on, except told gaps.

        Args:
            ids: The ids of the stream. That of its first event is the opening's.
            events: The events of the stream.

        """
        seen = [(each, event) for each, event in zip(ids, events, strict=True) if each is not None]
        (opening, _), *expected = seen
        mine = list(zip(self.ids, self.events, strict=True))
        first = next(at for at, each in enumerate(self.ids) if _order(each) > _order(opening))
        at = 0
        for number, each in enumerate(mine[first:], first):
            if number in self.gaps:
                at = next(index for index in range(at, len(expected)) if expected[index] == each)
            assert each == expected[at], f"event {number} of {len(mine)}"
            at += 1
        assert at, "there are no events to compare"


def _stored_events(answer: httpx.Response) -> list[dict[str, Any]]:
    if answer.headers["content-type"] == "application/x-ndjson":
        return [json.loads(line) for line in answer.text.splitlines()]
    found: list[dict[str, Any]] = answer.json()["events"]
    return found


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)
