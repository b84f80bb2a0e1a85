"""The load beside the checking readers: many plain streams, and one client of /depth.

The streams are not verified: a hundred verifying clients would use the CPU that the stack needs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import cycle

import httpx

from tools.background import BackgroundThread

ASK_PAUSE_SECONDS = 0.02
RECONNECT_PAUSE_SECONDS = 1.0


class StreamCrowd(BackgroundThread):
    """`size` open streams, spread over the symbols, and successive requests for /depth."""

    def __init__(self, url: str, symbols: tuple[str, ...], size: int) -> None:
        super().__init__()
        self._url = url
        self._symbols = symbols
        self._size = size
        self.answers: Counter[str] = Counter()
        """The number of answers to requests for /depth, by HTTP status or name of the error."""
        self.refused = 0
        """The number of requests for a stream with another status than 200."""
        self.bytes_read = 0

    def run(self) -> None:
        """Read the streams and request books until the context ends."""
        asyncio.run(self._read_all())

    async def _read_all(self) -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=self._url, timeout=10.0, limits=limits, trust_env=False, verify=False
        ) as client:
            symbols = cycle(self._symbols)
            tasks = [
                asyncio.create_task(self._follow(client, next(symbols))) for _ in range(self._size)
            ]
            tasks.append(asyncio.create_task(self._ask(client)))
            await asyncio.to_thread(self.stopping.wait)
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
                pass  # The checking readers count interruptions.
            await asyncio.sleep(RECONNECT_PAUSE_SECONDS)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        for symbol in cycle(self._symbols):
            try:
                answer = await client.get(f"/depth/{symbol}")
                self.answers[str(answer.status_code)] += 1
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
            await asyncio.sleep(ASK_PAUSE_SECONDS)
