"""Iterators behind `watch`: they move a session's bytes, with asyncio or without.

Both are classes instead of generators, because an exception ends a generator for good: a step that
is cancelled by a timeout, or interrupted by a key, must not end the stream.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, Self

import httpcore
import httpx

from kraken_book.client.address import ApiAddress
from kraken_book.client.failure import told
from kraken_book.client.live_book import LiveBook
from kraken_book.client.session import ClientSession
from kraken_book.errors import Refused, Unreachable

# Beside httpx's own errors, what encoding a host or connecting to a port raises, alone or in a
# group: a redirect can lead to a host with a label of 64 characters, or to port 99999.
CANNOT_ASK = (httpx.RequestError, ValueError, OverflowError, ExceptionGroup)
MAX_REDIRECTS = 5
# However soon it is to give up, an api that is there has the time to answer.
MIN_WAIT = 0.5


class Patience(NamedTuple):
    """Seconds that each phase of a request may take."""

    connect: float = 5.0
    answer: float = 20.0
    """Until the head of the answer is there, the connecting included."""
    silence: float = 20.0
    """Without a byte, or without a whole message of a stream."""
    refusal: float = 5.0
    """For the body of an answer that is no stream."""

    @property
    def timeout(self) -> httpx.Timeout:
        """Return the part that httpx enforces."""
        return httpx.Timeout(self.connect, read=self.silence)


class AsyncBooks(AsyncIterator[LiveBook]):
    """Iterator over the changed books of a session.

    A step that is cancelled, as by `asyncio.wait_for`, loses nothing: what it waited for comes with
    the next one. One that is dropped leaves its connection as soon as the event loop runs on.
    """

    def __init__(self, session: ClientSession, address: ApiAddress, patience: Patience) -> None:
        self._batches = _batches(session, address, patience)
        self._batch: Iterator[LiveBook] = iter(())
        self._step: asyncio.Task[Iterator[LiveBook] | None] | None = None
        self._is_busy = self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LiveBook:
        if self._is_busy:
            raise RuntimeError(
                "another task waits for the next book of this watch already: give each task a"
                " watch of its own, or let one of them hand the books on"
            )
        self._is_busy = True
        try:
            while not self._is_closed:
                for book in self._batch:
                    return book
                self._batch = await self._next_batch()
        except Exception:
            await self.aclose()
            raise
        finally:
            self._is_busy = False
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Leave the connection, and return when it is left."""
        self._is_closed = True
        if self._step is not None:
            self._step.cancel()
            await asyncio.wait([self._step])
        await self._batches.aclose()

    async def _next_batch(self) -> Iterator[LiveBook]:
        if self._step is None:
            self._step = asyncio.create_task(_next_of(self._batches))
        step = self._step
        # Cancelling this leaves the step itself at work.
        await asyncio.wait([step])
        if self._is_closed:
            return iter(())
        self._step = None
        batch = step.result()
        if batch is None:
            self._is_closed = True
        return batch or iter(())

    def __del__(self) -> None:
        step = getattr(self, "_step", None)
        if step is not None and not step.done():
            # Unless the loop is closed: then there is nothing left to leave.
            with suppress(RuntimeError):
                step.get_loop().call_soon_threadsafe(step.cancel)


class BlockingBooks(Iterator[LiveBook]):
    """Iterator without asyncio; a step waits until a book changes.

    After a step that was interrupted, as by Ctrl-C, the next one connects again.
    """

    def __init__(self, session: ClientSession, address: ApiAddress, patience: Patience) -> None:
        self._session, self._address, self._patience = session, address, patience
        self._batches = _batches_blocking(session, address, patience)
        self._batch: Iterator[LiveBook] = iter(())
        self._lock = threading.Lock()

    def __next__(self) -> LiveBook:
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(
                "another thread waits for the next book of this watch already: give each thread a"
                " watch of its own"
            )
        try:
            while True:
                for book in self._batch:
                    return book
                self._batch = next(self._batches)
        except KeyboardInterrupt:
            self._begin_again()
            # The traceback of the wait helps nobody.
            raise KeyboardInterrupt from None
        except (Refused, Unreachable, StopIteration):
            self.close()
            raise
        except BaseException:
            # As a handler of a signal may raise it, for a timeout.
            self._begin_again()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Leave the connection."""
        self._batches.close()

    def _begin_again(self) -> None:
        self.close()
        self._batch = self._session.interrupt()
        self._batches = _batches_blocking(self._session, self._address, self._patience)


async def _next_of(batches: AsyncGenerator[Iterator[LiveBook]]) -> Iterator[LiveBook] | None:
    return await anext(batches, None)


# These two refer to nothing that refers to them: in a cycle, one that is dropped would stay
# connected until the garbage is collected.
async def _batches(
    session: ClientSession, address: ApiAddress, patience: Patience
) -> AsyncGenerator[Iterator[LiveBook]]:
    while True:
        why, limit = None, _seconds_to_answer(session, patience)
        try:
            async with address.async_client(patience.timeout) as client:
                async with asyncio.timeout(limit):
                    answer = await _open(client, session)
                try:
                    yield session.answered(answer.status_code, answer.headers)
                    if session.is_refused:
                        await _read_refusal(session, answer, patience.refusal)
                    else:
                        async for chunk in answer.aiter_raw():
                            yield session.receive(chunk)
                            if session.is_over:
                                break
                finally:
                    await answer.aclose()
        except TimeoutError:
            why = f"no answer within {limit:.3g} s"
        except CANNOT_ASK as error:
            why = told(error)
        yield session.end(why)
        await asyncio.sleep(session.pause())


async def _open(client: httpx.AsyncClient, session: ClientSession) -> httpx.Response:
    """Ask, and follow redirects, whose bodies nobody reads."""
    request = client.build_request("GET", session.target, headers=session.headers)
    for _ in range(MAX_REDIRECTS + 1):
        answer = await client.send(request, stream=True)
        if answer.next_request is None:
            return answer
        request = answer.next_request
        await answer.aclose()
    raise httpx.TooManyRedirects("too many redirects", request=request)


async def _read_refusal(session: ClientSession, answer: httpx.Response, seconds: float) -> None:
    """Read as much of what the server says as comes in time."""
    with suppress(TimeoutError, httpx.RequestError):
        async with asyncio.timeout(seconds):
            async for chunk in answer.aiter_raw():
                for _ in session.receive(chunk):
                    pass
                if session.is_over:
                    return


# The same without `await`; httpx, too, has a client of each kind.
def _batches_blocking(
    session: ClientSession, address: ApiAddress, patience: Patience
) -> Generator[Iterator[LiveBook]]:
    while True:
        why, watchdog, limit = None, _Watchdog(), _seconds_to_answer(session, patience)
        try:
            with address.client(patience.timeout) as client:
                with watchdog.limit(limit):
                    answer = _open_blocking(client, session, watchdog)
                try:
                    yield session.answered(answer.status_code, answer.headers)
                    if session.is_refused:
                        _read_refusal_blocking(session, answer, watchdog, patience.refusal)
                    else:
                        for chunk in answer.iter_raw():
                            yield session.receive(chunk)
                            if session.is_over:
                                break
                finally:
                    answer.close()
        except CANNOT_ASK as error:
            why = f"no answer within {limit:.3g} s" if watchdog.has_expired else told(error)
        yield session.end(why)
        time.sleep(session.pause())


def _open_blocking(
    client: httpx.Client, session: ClientSession, watchdog: _Watchdog
) -> httpx.Response:
    extensions = {"trace": watchdog.trace, "timeout": client.timeout.as_dict()}
    request = client.build_request(
        "GET", session.target, headers=session.headers, extensions=extensions
    )
    for _ in range(MAX_REDIRECTS + 1):
        answer = client.send(request, stream=True)
        if answer.next_request is None:
            return answer
        request = answer.next_request
        answer.close()
    raise httpx.TooManyRedirects("too many redirects", request=request)


def _read_refusal_blocking(
    session: ClientSession, answer: httpx.Response, watchdog: _Watchdog, seconds: float
) -> None:
    with suppress(httpx.RequestError), watchdog.limit(seconds):
        for chunk in answer.iter_raw():
            for _ in session.receive(chunk):
                pass
            if session.is_over:
                return


class _Watchdog:
    """Shuts a blocking connection down when a phase of it takes too long.

    httpx knows time-outs of silence only: an answer that trickles in would never end.
    """

    def __init__(self) -> None:
        self.has_expired = False
        self._stream: httpcore.NetworkStream | None = None

    def trace(self, _event: str, info: dict[str, Any]) -> None:
        """Remember the connection, which httpcore tells by its `trace` extension."""
        stream = info.get("return_value")
        if isinstance(stream, httpcore.NetworkStream):
            self._stream = stream
            if self.has_expired:
                self._shut()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Let what is inside take so many seconds."""
        self.has_expired = False
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self.has_expired = True
        self._shut()

    def _shut(self) -> None:
        connection = self._stream.get_extra_info("socket") if self._stream else None
        if isinstance(connection, socket.socket):
            with suppress(OSError):
                # Also of TLS the bare socket: the other thread is reading from what is above it.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _seconds_to_answer(session: ClientSession, patience: Patience) -> float:
    """Return how long to wait for the head of the next answer."""
    left = session.seconds_left()
    return patience.answer if left is None else min(patience.answer, max(left, MIN_WAIT))
