"""How connections through a `RedisProxy` go wrong, in the order of what Redis knows of it.

By `chance`, which is from 0 to 1: what happens each so many times falls into step with a client
that begins anew each time, and lets it never come through.
"""

from __future__ import annotations

import asyncio
import random
import threading

from lab.redis_proxy import LIMIT_SECONDS, Link, ProxyFault, RedisProxy


class CutRequests(ProxyFault):
    """Redis gets the first half of a request, its client is cut off."""

    def __init__(self, chance: float) -> None:
        self._chance = chance

    async def on_request(self, link: Link, data: bytes) -> None:
        """Cut in its middle, by chance."""
        if random.random() >= self._chance:
            await link.to_redis(data)
            return
        await link.to_redis(data[: len(data) // 2])
        link.end_redis()
        link.cut_client()


class _OfSomeCalls(ProxyFault):
    """The answers of some calls go wrong, by chance.

    Not each piece of an answer by itself: of a long one, some piece nearly always would.
    """

    def __init__(self, chance: float) -> None:
        self._chance = chance
        self._doomed: set[Link] = set()

    async def on_request(self, link: Link, data: bytes) -> None:
        """Pass it on."""
        if random.random() < self._chance:
            self._doomed.add(link)
        await link.to_redis(data)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Pass it on, or not quite."""
        if link in self._doomed:
            await self.spoil(link, data)
        else:
            await link.to_client(data)

    async def spoil(self, link: Link, data: bytes) -> None:
        """What becomes of an answer that goes wrong."""
        raise NotImplementedError


class LoseAnswers(_OfSomeCalls):
    """Redis has carried out a request, and its client is cut off."""

    async def spoil(self, link: Link, data: bytes) -> None:  # noqa: ARG002 - nothing of it is kept
        """Nothing of it arrives."""
        link.cut()


class CutAnswers(_OfSomeCalls):
    """A client gets the first half of an answer, and then the end."""

    async def spoil(self, link: Link, data: bytes) -> None:
        """Half of it arrives."""
        await link.to_client(data[: len(data) // 2])
        link.end_client()


class DelayAnswers(ProxyFault):
    """Answers come so many seconds late, one after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Pass it on, late."""
        await asyncio.sleep(self._seconds)
        await link.to_client(data)


class Vanish(ProxyFault):
    """Bytes vanish and nobody is told; new connections are accepted, and go the same way.

    A connection that has lost bytes stays lost when this is over.
    """

    def __init__(self, *, requests: bool, answers: bool) -> None:
        self._requests = requests
        self._answers = answers

    async def on_request(self, link: Link, data: bytes) -> None:
        """Lose it, or pass it on."""
        if self._requests:
            link.requests_lost = True
        else:
            await link.to_redis(data)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Lose it, or pass it on."""
        if self._answers:
            link.answers_lost = True
        else:
            await link.to_client(data)


class KeepRequest(ProxyFault):
    """The first request that has `part` in it is kept back, its client cut off: it comes late.

    So does what waits in the buffers of a machine between, or is sent anew by TCP after its client
    has given up and asked again on another connection.
    """

    def __init__(self, part: bytes) -> None:
        self._part = part
        self._kept: list[tuple[Link, bytes]] = []
        self.is_kept = threading.Event()
        """Set once there is one."""

    async def on_request(self, link: Link, data: bytes) -> None:
        """Keep it, if it is the one."""
        if self.is_kept.is_set() or self._part not in data:
            await link.to_redis(data)
            return
        # The client's end must not be passed on before what was kept.
        link.requests_lost = link.answers_lost = True
        self._kept.append((link, data))
        link.cut_client()
        self.is_kept.set()

    def let_it_come(self, proxy: RedisProxy) -> None:
        """Return once Redis has carried it out."""
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
