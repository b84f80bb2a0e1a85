"""A watched loop records duration, CPU time, garbage collection and code of each stall."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator
from time import monotonic, sleep, thread_time

import pytest

from bench.load.loop_watch import LoopWatch, Stall


@pytest.fixture(autouse=True)
def restored_signals() -> Iterator[None]:
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
    # Let the late beat run.
    await asyncio.sleep(0.02)
    return next(stall for stall in watch.stalls.noted if stall.at > begun)


def work() -> None:
    until = thread_time() + 0.1
    while thread_time() < until:
        pass


async def test_stall_by_work_has_cpu_time_and_code() -> None:
    stall = await stall_of(work)

    assert stall.seconds > 0.09
    assert stall.cpu > 0.09
    assert stall.where.endswith(" work")


async def test_stall_by_sleep_has_little_cpu_time() -> None:
    stall = await stall_of(lambda: sleep(0.1))

    assert stall.seconds > 0.09
    assert stall.cpu < stall.seconds / 2


async def test_stall_by_garbage_collection_has_its_time() -> None:
    kept = [[each] for each in range(200_000)]

    def collect() -> None:
        until = monotonic() + 0.05
        while monotonic() < until:
            gc.collect()

    stall = await stall_of(collect)

    assert kept
    assert stall.garbage > 0.02
