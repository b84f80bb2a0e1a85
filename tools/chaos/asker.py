"""Ask for a book again and again, and count the answers."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Self

import httpx

PAUSE_SECONDS = 0.2


class Asker:
    """Asks for /depth of a symbol a few times a second until the context ends."""

    def __init__(self, url: str, symbol: str) -> None:
        self.answers: Counter[str] = Counter()
        """The answers by status; `none` if nobody answered."""
        self._path = f"{url}/depth/{symbol}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        with httpx.Client(timeout=10.0, trust_env=False, verify=False) as client:
            while not self._stop.wait(PAUSE_SECONDS):
                try:
                    answer = str(client.get(self._path).status_code)
                except httpx.TransportError:
                    answer = "none"
                self.answers[answer] += 1
