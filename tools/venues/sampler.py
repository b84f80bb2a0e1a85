"""Sample the books of all venues at every api, as a client sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from kraken_book.symbols import venue_of
from lab.services import Api
from tools.background import BackgroundThread

SAMPLE_SECONDS = 0.5


@dataclass
class SampledVenue:
    """The samples of one venue's books since the last call of `BookSampler.take`."""

    samples: int = 0
    """The number of lists of books that were received."""
    max_age: float = 0.0
    """The highest age of a live book, in seconds."""
    not_live: Counter[str] = field(default_factory=Counter)
    """How often a book was not live, by its symbol and status."""

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add one list of the venue's books, as /books has them."""
        self.samples += 1
        for row in rows:
            if row["status"] == "live":
                self.max_age = max(self.max_age, row["age_ms"] / 1e3)
            else:
                self.not_live[f"{row['symbol']} {row['status']}"] += 1


class BookSampler(BackgroundThread):
    """A thread that requests /books of each api twice a second.

    An api that does not answer is left out: the readers notice it, and the run knows its kills.
    """

    def __init__(self, apis: Sequence[Api], venues: Sequence[str]) -> None:
        super().__init__()
        self._apis = apis
        self._venues = tuple(venues)
        self._sampled: dict[str, SampledVenue] = {}
        self.take()

    def take(self) -> dict[str, SampledVenue]:
        """Return the samples by venue since the last call, and begin new ones."""
        sampled, self._sampled = self._sampled, {name: SampledVenue() for name in self._venues}
        return sampled

    def run(self) -> None:
        """Sample until the context ends."""
        with httpx.Client(timeout=10.0, trust_env=False, verify=False) as client:
            while not self.stopping.wait(SAMPLE_SECONDS):
                for api in self._apis:
                    self._sample(client, api)

    def _sample(self, client: httpx.Client, api: Api) -> None:
        # An answer counts for the samples that were current when it was asked for.
        sampled = self._sampled
        try:
            answer = client.get(f"{api.url}/books")
        except httpx.TransportError:
            return
        if answer.status_code != httpx.codes.OK:
            return
        rows = answer.json()
        for venue, each in sampled.items():
            each.add([row for row in rows if venue_of(row["symbol"]) == venue])
