"""What a watched loop tells: how long it stood still, whose time that was, and where it was."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator
from time import monotonic, sleep, thread_time

import pytest

from bench.load.loop_watch import LoopWatch, Stall


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    handler, callbacks = signal.getsignal(signal.SIGALRM), list(gc.callbacks)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, handler)
    gc.callbacks[:] = callbacks


async def stall_of(block: Callable[[], None]) -> Stall:
    watch = LoopWatch()
    watch.start()
    await asyncio.sleep(0.02)
    begun = monotonic()
    block()
    # The beat that was due meanwhile.
    await asyncio.sleep(0.02)
    return next(stall for stall in watch.stalls.noted if stall.at > begun)


def work() -> None:
    until = thread_time() + 0.1
    while thread_time() < until:
        pass


async def test_work_that_lets_the_loop_wait_is_told_with_its_place() -> None:
    stall = await stall_of(work)

    assert stall.seconds > 0.09
    assert stall.cpu > 0.09
    assert stall.where.endswith(" work")


async def test_what_the_process_does_not_work_is_no_cpu_of_its_own() -> None:
    stall = await stall_of(lambda: sleep(0.1))

    assert stall.seconds > 0.09
    assert stall.cpu < stall.seconds / 2


async def test_looking_for_garbage_is_told_apart() -> None:
    kept = [[each] for each in range(200_000)]

    def collect() -> None:
        until = monotonic() + 0.05
        while monotonic() < until:
            gc.collect()

    stall = await stall_of(collect)

    assert kept
    assert stall.garbage > 0.02
