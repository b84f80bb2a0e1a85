"""The load beside the checking readers: many plain streams, and one client of /depth.

They do not use our client: a hundred of those would spend the time that the stack needs on proofs.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from itertools import cycle
from typing import Self

import httpx

ASK_PAUSE_SECONDS = 0.02
COME_BACK_SECONDS = 1.0


class StreamCrowd:
    """`size` open streams, spread over the symbols, and requests for /depth one after another.

    It runs in a thread of its own while its context is open.
    """

    def __init__(self, url: str, symbols: tuple[str, ...], size: int) -> None:
        self._url = url
        self._symbols = symbols
        self._size = size
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._stop = threading.Event()
        self.answers: Counter[str] = Counter()
        """How requests for /depth were answered: by status, or by what kept them from it."""
        self.refused = 0
        """Requests for a stream that were answered otherwise."""
        self.bytes_read = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=self._url, timeout=10.0, limits=limits, trust_env=False, verify=False
        ) as client:
            symbols = cycle(self._symbols)
            tasks = [
                asyncio.create_task(self._follow(client, next(symbols))) for _ in range(self._size)
            ]
            tasks.append(asyncio.create_task(self._ask(client)))
            await asyncio.to_thread(self._stop.wait)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _follow(self, client: httpx.AsyncClient, symbol: str) -> None:
        while True:
            try:
                async with client.stream("GET", f"/stream/{symbol}") as answer:
                    self.refused += answer.status_code != 200
                    async for data in answer.aiter_raw():
                        self.bytes_read += len(data)
            except httpx.TransportError:
                pass  # The readers who check count what breaks.
            await asyncio.sleep(COME_BACK_SECONDS)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        for symbol in cycle(self._symbols):
            try:
                answer = await client.get(f"/depth/{symbol}")
                self.answers[str(answer.status_code)] += 1
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
            await asyncio.sleep(ASK_PAUSE_SECONDS)
