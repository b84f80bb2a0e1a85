"""Faults of connections through a `RedisProxy`, from requests that Redis never sees to late ones.

Some happen with a `chance` from 0 to 1. Every n-th time would fall into step with a client that
starts again each time, which would then never succeed.
"""

from __future__ import annotations

import asyncio
import random
import threading

from lab.redis_proxy import LIMIT_SECONDS, Link, ProxyFault, RedisProxy


class CutRequests(ProxyFault):
    """Redis gets the first half of a request, and the client is cut off."""

    def __init__(self, chance: float) -> None:
        self._chance = chance

    async def on_request(self, link: Link, data: bytes) -> None:
        """Cut the request in the middle, by chance."""
        if random.random() >= self._chance:
            await link.to_redis(data)
            return
        await link.to_redis(data[: len(data) // 2])
        link.end_redis()
        link.cut_client()


class _OfSomeCalls(ProxyFault):
    """The answers of some calls go wrong, by chance.

    The chance is of a call, not of each piece of its answer: some piece of a long answer would
    nearly always go wrong.
    """

    def __init__(self, chance: float) -> None:
        self._chance = chance
        self._doomed: set[Link] = set()

    async def on_request(self, link: Link, data: bytes) -> None:
        """Pass the request on; choose whether its answer will go wrong."""
        if random.random() < self._chance:
            self._doomed.add(link)
        await link.to_redis(data)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Pass the answer on, or spoil it."""
        if link in self._doomed:
            await self.spoil(link, data)
        else:
            await link.to_client(data)

    async def spoil(self, link: Link, data: bytes) -> None:
        """Spoil an answer."""
        raise NotImplementedError


class LoseAnswers(_OfSomeCalls):
    """Redis carries out a request, and the client is cut off without an answer."""

    async def spoil(self, link: Link, data: bytes) -> None:  # noqa: ARG002 - nothing of it is kept
        """Drop the answer and cut the client off."""
        link.cut()


class CutAnswers(_OfSomeCalls):
    """The client gets the first half of an answer, then the end of the connection."""

    async def spoil(self, link: Link, data: bytes) -> None:
        """Send half of the answer."""
        await link.to_client(data[: len(data) // 2])
        link.end_client()


class DelayAnswers(ProxyFault):
    """Each answer comes `seconds` late, one after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Pass the answer on after the delay."""
        await asyncio.sleep(self._seconds)
        await link.to_client(data)


class Vanish(ProxyFault):
    """Bytes vanish silently; new connections are accepted, and lose theirs too.

    A connection that has lost bytes stays broken when the fault is over.
    """

    def __init__(self, *, requests: bool, answers: bool) -> None:
        self._requests = requests
        self._answers = answers

    async def on_request(self, link: Link, data: bytes) -> None:
        """Lose the bytes, or pass them on."""
        if self._requests:
            link.requests_lost = True
        else:
            await link.to_redis(data)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Lose the bytes, or pass them on."""
        if self._answers:
            link.answers_lost = True
        else:
            await link.to_client(data)


class KeepRequest(ProxyFault):
    """The first request that contains `part` is held back and its client cut off; it arrives late.

    That happens to bytes in the buffers of a machine between, or if TCP sends them again after the
    client has given up and asked on another connection.
    """

    def __init__(self, part: bytes) -> None:
        self._part = part
        self._kept: list[tuple[Link, bytes]] = []
        self.is_kept = threading.Event()
        """Set when a request is held back."""

    async def on_request(self, link: Link, data: bytes) -> None:
        """Hold the request back if it is the one."""
        if self.is_kept.is_set() or self._part not in data:
            await link.to_redis(data)
            return
        # The client's end must not be passed on before what was kept.
        link.requests_lost = link.answers_lost = True
        self._kept.append((link, data))
        link.cut_client()
        self.is_kept.set()

    def let_it_come(self, proxy: RedisProxy) -> None:
        """Send the request that was held back; return when Redis has carried it out."""
        done = threading.Event()

        async def come() -> None:
            for link, data in self._kept:
                await link.to_redis(data)
                link.end_redis()
                await link.ended.wait()
            done.set()

        tasks: list[asyncio.Task[None]] = []
        proxy.do(lambda: tasks.append(asyncio.ensure_future(come())))
        assert done.wait(LIMIT_SECONDS), "Redis does not end the connection"
