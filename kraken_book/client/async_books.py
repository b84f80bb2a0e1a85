"""The iterator behind `async for` over a `Watch`: it moves a session's bytes with asyncio.

`AsyncBooks` is a class and not a generator, because an exception ends a generator for good, but a
call of `anext` that a timeout cancels must not end the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from typing import Self

import httpx

from kraken_book.client.address import MAX_REDIRECTS, ApiAddress, request_timeout
from kraken_book.client.failure import REQUEST_ERRORS, failure_of
from kraken_book.client.live_book import LiveBook
from kraken_book.client.outage import Failure, too_slow
from kraken_book.client.patience import Patience
from kraken_book.client.session import ClientSession

__all__ = ["AsyncBooks"]


class AsyncBooks(AsyncIterator[LiveBook]):
    """An iterator over the changed books of a session.

    Cancelling `anext`, as `asyncio.wait_for` does, loses no event: the next call returns its book.
    If the iterator is dropped, its connection is closed at the next turn of the event loop.
    """

    def __init__(self, session: ClientSession, address: ApiAddress, patience: Patience) -> None:
        # The books that one piece of an answer changes are a batch.
        self._batches = _closing(session, address, patience)
        self._batch: Iterator[LiveBook] = iter(())
        self._next_task: asyncio.Task[Iterator[LiveBook] | None] | None = None
        self._is_busy = self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LiveBook:
        self._require_loop()
        if self._is_busy:
            raise RuntimeError(
                "another task already waits for the next book of this watch: use one watch per"
                " task, or let one task pass the books on"
            )
        self._is_busy = True
        try:
            while not self._is_closed:
                # Return the next book of the batch, if there is one.
                for book in self._batch:
                    return book
                self._batch = await self._next_batch()
        except Exception:
            # A generator that has raised cannot continue.
            await self.aclose()
            raise
        finally:
            self._is_busy = False
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, and return when it is closed."""
        self._is_closed = True
        if self._next_task is not None:
            self._next_task.cancel()
            await asyncio.wait([self._next_task])
        await self._batches.aclose()

    def _require_loop(self) -> None:
        """Raise RuntimeError in another event loop than that of the first step."""
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise RuntimeError(
                "this iterator has a connection of another event loop, such as an earlier"
                " asyncio.run: iterate over the watch again"
            )

    async def _next_batch(self) -> Iterator[LiveBook]:
        if self._next_task is None:
            self._next_task = asyncio.create_task(_next_of(self._batches))
        task = self._next_task
        # Cancelling this wait does not cancel the task. The next call waits for it again.
        await asyncio.wait([task])
        if self._is_closed:
            # `aclose` was called during the wait.
            return iter(())
        self._next_task = None
        batch = task.result()
        if batch is None:
            self._is_closed = True
        return batch or iter(())

    def __del__(self) -> None:
        task = getattr(self, "_next_task", None)
        if task is not None and not task.done():
            # A closed event loop raises RuntimeError; then there is no connection to close.
            with suppress(RuntimeError):
                task.get_loop().call_soon_threadsafe(task.cancel)


async def _next_of(batches: AsyncGenerator[Iterator[LiveBook]]) -> Iterator[LiveBook] | None:
    # `create_task` needs a coroutine, which the result of `anext` is not.
    return await anext(batches, None)


# Neither these generators nor `_next_of` refer to the `AsyncBooks`. In a reference cycle, a dropped
# one would stay connected until the next garbage collection.
async def _closing(
    session: ClientSession, address: ApiAddress, patience: Patience
) -> AsyncGenerator[Iterator[LiveBook]]:
    """Yield what `_batches` does, and close the session at the end."""
    try:
        async with aclosing(_batches(session, address, patience)) as batches:
            async for batch in batches:
                yield batch
    finally:
        session.close()


async def _batches(
    session: ClientSession, address: ApiAddress, patience: Patience
) -> AsyncGenerator[Iterator[LiveBook]]:
    """Pass answers to the session, and yield its iterators over changed books.

    The session does its work while an iterator is read. So the consumer must exhaust each iterator
    before it requests the next one.

    Yields:
        An iterator for each head, piece of a body, and end of an answer.
    """
    while True:
        failure: Failure | None = None
        limit = session.answer_seconds()
        try:
            async with address.async_client(request_timeout(patience)) as client:
                async with asyncio.timeout(limit):
                    answer = await _open(client, session)
                try:
                    yield session.receive_head(answer.status_code, answer.headers)
                    if session.is_refused:
                        await _read_refusal(session, answer, patience.refusal)
                    else:
                        async for chunk in answer.aiter_raw():
                            yield session.receive_body(chunk)
                            if session.is_over:
                                break
                finally:
                    await answer.aclose()
        except TimeoutError:
            failure = too_slow(limit)
        except REQUEST_ERRORS as error:
            failure = failure_of(error, address.proxy_variable)
        yield session.end(failure)
        await asyncio.sleep(session.pause())


async def _open(client: httpx.AsyncClient, session: ClientSession) -> httpx.Response:
    """Send the request, and follow redirects without reading their bodies."""
    request = client.build_request("GET", session.target, headers=session.headers)
    for _ in range(MAX_REDIRECTS + 1):
        answer = await client.send(request, stream=True)
        if answer.next_request is None:
            return answer
        request = answer.next_request
        await answer.aclose()
    raise httpx.TooManyRedirects("too many redirects", request=request)


async def _read_refusal(session: ClientSession, answer: httpx.Response, seconds: float) -> None:
    """Read the start of a refusal, for at most `seconds`."""
    with suppress(TimeoutError, httpx.RequestError):
        async with asyncio.timeout(seconds):
            async for chunk in answer.aiter_raw():
                # A refusal changes no book, but the session must process the bytes.
                for _ in session.receive_body(chunk):
                    pass
                if session.is_over:
                    return
