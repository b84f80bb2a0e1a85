"""Request a book repeatedly, and count the answers."""

from __future__ import annotations

from collections import Counter

import httpx

from tools.background import BackgroundThread

PAUSE_SECONDS = 0.2


class Asker(BackgroundThread):
    """A thread that requests /depth of a symbol about five times a second."""

    def __init__(self, url: str, symbol: str) -> None:
        super().__init__()
        self.answers: Counter[str] = Counter()
        """The number of answers by HTTP status, with `none` for requests without an answer."""
        self._path = f"{url}/depth/{symbol}"

    def run(self) -> None:
        """Request the book until the context ends."""
        with httpx.Client(timeout=10.0, trust_env=False, verify=False) as client:
            while not self.stopping.wait(PAUSE_SECONDS):
                try:
                    answer = str(client.get(self._path).status_code)
                except httpx.TransportError:
                    answer = "none"
                self.answers[answer] += 1
