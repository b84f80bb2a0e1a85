"""The iterator behind a plain `for` over a watch: it moves a session's bytes without asyncio.

`BlockingBooks` is a class and not a generator, because an exception ends a generator for good. A
step that a key or a signal interrupts must not end the stream.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress

import httpx

from kraken_book.client.address import MAX_REDIRECTS, ApiAddress, request_timeout
from kraken_book.client.answer_timer import AnswerTimer
from kraken_book.client.failure import REQUEST_ERRORS, failure_of
from kraken_book.client.live_book import LiveBook
from kraken_book.client.outage import Failure, too_slow
from kraken_book.client.patience import Patience
from kraken_book.client.session import ClientSession
from kraken_book.errors import Refused, Unreachable

__all__ = ["BlockingBooks"]


class BlockingBooks(Iterator[LiveBook]):
    """An iterator over the changed books of a session; a step blocks until a book changes.

    After a step was interrupted, as by Ctrl-C, the next step connects again.
    """

    def __init__(self, session: ClientSession, address: ApiAddress, patience: Patience) -> None:
        self._session, self._address, self._patience = session, address, patience
        self._batches = _closing(session, address, patience)
        self._batch: Iterator[LiveBook] = iter(())
        self._lock = threading.Lock()

    def __next__(self) -> LiveBook:
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(
                "another thread already waits for the next book of this watch: use one watch per"
                " thread"
            )
        try:
            while True:
                for book in self._batch:
                    return book
                self._batch = next(self._batches)
        except KeyboardInterrupt:
            self._reconnect()
            # Leave out the traceback of the wait, which is not the caller's.
            raise KeyboardInterrupt from None
        except (Refused, Unreachable, StopIteration):
            self.close()
            raise
        except BaseException:
            # A signal handler may have raised any exception, for example for a timeout.
            self._reconnect()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection."""
        self._batches.close()

    def _reconnect(self) -> None:
        self.close()
        self._batch = self._session.interrupt()
        self._batches = _closing(self._session, self._address, self._patience)


def _closing(
    session: ClientSession, address: ApiAddress, patience: Patience
) -> Generator[Iterator[LiveBook]]:
    """Yield what `_batches` does, and close the session at the end."""
    try:
        yield from _batches(session, address, patience)
    finally:
        session.close()


# The same steps as in `async_books` without `await`; httpx has separate clients, too.
def _batches(
    session: ClientSession, address: ApiAddress, patience: Patience
) -> Generator[Iterator[LiveBook]]:
    while True:
        timer, limit = AnswerTimer(), session.answer_seconds()
        failure: Failure | None = None
        try:
            with address.client(request_timeout(patience)) as client:
                with timer.limit(limit):
                    answer = _open(client, session, timer)
                try:
                    yield session.receive_head(answer.status_code, answer.headers)
                    if session.is_refused:
                        _read_refusal(session, answer, timer, patience.refusal)
                    else:
                        for chunk in answer.iter_raw():
                            yield session.receive_body(chunk)
                            if session.is_over:
                                break
                finally:
                    answer.close()
        except REQUEST_ERRORS as error:
            expired = timer.has_expired
            failure = too_slow(limit) if expired else failure_of(error, address.proxy_variable)
        yield session.end(failure)
        time.sleep(session.pause())


def _open(client: httpx.Client, session: ClientSession, timer: AnswerTimer) -> httpx.Response:
    """Send the request, and follow redirects without reading their bodies."""
    extensions = {"trace": timer.trace, "timeout": client.timeout.as_dict()}
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


def _read_refusal(
    session: ClientSession, answer: httpx.Response, timer: AnswerTimer, seconds: float
) -> None:
    """Read the start of a refusal, for at most `seconds`."""
    with suppress(httpx.RequestError), timer.limit(seconds):
        for chunk in answer.iter_raw():
            for _ in session.receive_body(chunk):
                pass
            if session.is_over:
                return
