"""A read that is under way answers all who ask for the same meanwhile.

So it may be from before they asked: right for what goes on from wherever the read was, as a stream
does. Who must see all that was written before the question asks `shared_reads`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

KeyT = TypeVar("KeyT")
AnswerT = TypeVar("AnswerT")


class JoinedRead(Generic[KeyT, AnswerT]):
    """Calls `read` for a key once at a time, however many ask."""

    def __init__(self, read: Callable[[KeyT], Coroutine[Any, Any, AnswerT]]) -> None:
        self._read = read
        self._under_way: dict[KeyT, asyncio.Task[AnswerT]] = {}

    async def of(self, key: KeyT) -> AnswerT:
        """What `read` answers for `key`, maybe from before this call; raises what it raises."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._read(key))
            task.add_done_callback(partial(self._done, key))
        # Who goes away does not take the answer from the others.
        return await asyncio.shield(task)

    def _done(self, key: KeyT, task: asyncio.Task[AnswerT]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            # Looked at, so that nothing is said where all who asked are gone.
            task.exception()
