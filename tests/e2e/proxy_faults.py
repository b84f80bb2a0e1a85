"""How connections through a `RedisProxy` go wrong, in the order of what Redis knows of it."""

from __future__ import annotations

import asyncio
import threading

from tests.e2e.redis_proxy import LIMIT_SECONDS, Fault, Link, RedisProxy


class _Now:
    """True once in so many times."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._times = 0

    def __call__(self) -> bool:
        self._times += 1
        return self._times % self._every == 0


class CutRequests(Fault):
    """Redis gets the first half of a request, its client a reset."""

    def __init__(self, every: int) -> None:
        self._now = _Now(every)

    async def on_request(self, link: Link, data: bytes) -> None:
        """Cut in its middle, once in so many times."""
        if not self._now():
            await link.to_redis(data)
            return
        await link.to_redis(data[: len(data) // 2])
        link.end_redis()
        link.reset_client()


class LoseAnswers(Fault):
    """Redis has carried out a request, and its client gets a reset."""

    def __init__(self, every: int) -> None:
        self._now = _Now(every)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Lose it, once in so many times."""
        if self._now():
            link.reset()
        else:
            await link.to_client(data)


class CutAnswers(Fault):
    """A client gets the first half of an answer, and then the end."""

    def __init__(self, every: int) -> None:
        self._now = _Now(every)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Cut in its middle, once in so many times."""
        if not self._now():
            await link.to_client(data)
            return
        await link.to_client(data[: len(data) // 2])
        link.end_client()


class DelayAnswers(Fault):
    """Answers come so many seconds late, one after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Pass it on, late."""
        await asyncio.sleep(self._seconds)
        await link.to_client(data)


class Vanish(Fault):
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


class KeepRequest(Fault):
    """The first request that has `part` in it is kept back, its client reset: it comes late.

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
        link.reset_client()
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
