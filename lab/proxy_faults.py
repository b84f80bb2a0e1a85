"""Faults of connections through a `RedisProxy`: lost, truncated and late requests and answers.

Some happen with a `chance` from 0 to 1. If they happened at every n-th request, a client that
retries could meet the fault each time and never succeed.
"""

from __future__ import annotations

import asyncio
import random
import threading

from lab.redis_proxy import LIMIT_SECONDS, Link, ProxyFault, RedisProxy


class CutRequests(ProxyFault):
    """Redis receives the first half of a request, and the client is disconnected."""

    def __init__(self, chance: float) -> None:
        self._chance = chance

    async def on_request(self, link: Link, data: bytes) -> None:
        """Forward the request, or by chance only its first half."""
        if random.random() >= self._chance:
            await link.to_redis(data)
            return
        await link.to_redis(data[: len(data) // 2])
        link.end_redis()
        link.cut_client()


class _OfSomeCalls(ProxyFault):
    """The answers to some requests are spoiled, by chance.

    The chance applies to a request, not to each piece of its answer. Otherwise a long answer would
    nearly always have a spoiled piece.
    """

    def __init__(self, chance: float) -> None:
        self._chance = chance
        self._doomed: set[Link] = set()

    async def on_request(self, link: Link, data: bytes) -> None:
        """Forward the request, and decide by chance whether to spoil its answer."""
        if random.random() < self._chance:
            self._doomed.add(link)
        await link.to_redis(data)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Forward the answer or spoil it."""
        if link in self._doomed:
            await self.spoil(link, data)
        else:
            await link.to_client(data)

    async def spoil(self, link: Link, data: bytes) -> None:
        """Spoil an answer."""
        raise NotImplementedError


class LoseAnswers(_OfSomeCalls):
    """Redis executes a request, and the client is disconnected without an answer."""

    async def spoil(self, link: Link, data: bytes) -> None:  # noqa: ARG002 - the answer is dropped
        """Drop the answer and disconnect both sides."""
        link.cut()


class CutAnswers(_OfSomeCalls):
    """The client receives the first half of an answer, then the connection ends."""

    async def spoil(self, link: Link, data: bytes) -> None:
        """Send half of the answer, then end the client's connection."""
        await link.to_client(data[: len(data) // 2])
        link.end_client()


class DelayAnswers(ProxyFault):
    """Each piece of an answer is `seconds` late; the delays of several pieces add up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Forward the answer after the delay."""
        await asyncio.sleep(self._seconds)
        await link.to_client(data)


class Vanish(ProxyFault):
    """Bytes are dropped silently, also those of new connections, which are accepted.

    A connection that has lost bytes stays broken when the fault ends.
    """

    def __init__(self, *, requests: bool, answers: bool) -> None:
        self._requests = requests
        self._answers = answers

    async def on_request(self, link: Link, data: bytes) -> None:
        """Drop the bytes or forward them."""
        if self._requests:
            link.requests_lost = True
        else:
            await link.to_redis(data)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Drop the bytes or forward them."""
        if self._answers:
            link.answers_lost = True
        else:
            await link.to_client(data)


class KeepRequest(ProxyFault):
    """The first request that contains `part` is held back, and its client is disconnected.

    The request arrives when `let_it_come` is called. In a real network a request is late in this
    way if a machine on the way buffers it, or if TCP retransmits it after the client has given up
    and reconnected.
    """

    def __init__(self, part: bytes) -> None:
        self._part = part
        self._kept: list[tuple[Link, bytes]] = []
        self.is_kept = threading.Event()
        """An event that is set when a request is held back."""

    async def on_request(self, link: Link, data: bytes) -> None:
        """Hold the request back if it is the first that contains `part`."""
        if self.is_kept.is_set() or self._part not in data:
            await link.to_redis(data)
            return
        # The end of the client's connection must not reach Redis before the kept request.
        link.requests_lost = link.answers_lost = True
        self._kept.append((link, data))
        link.cut_client()
        self.is_kept.set()

    def let_it_come(self, proxy: RedisProxy) -> None:
        """Send the request that was held back; return when Redis has executed it."""
        done = threading.Event()

        async def send_kept() -> None:
            for link, data in self._kept:
                await link.to_redis(data)
                link.end_redis()
                await link.ended.wait()
            done.set()

        tasks: list[asyncio.Task[None]] = []
        proxy.do(lambda: tasks.append(asyncio.ensure_future(send_kept())))
        assert done.wait(LIMIT_SECONDS), "Redis did not end the connection"
