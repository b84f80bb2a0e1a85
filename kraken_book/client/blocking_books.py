"""The iterator behind a plain `for` over a watch: it moves a session's bytes without asyncio.

`BlockingBooks` is a class and not a generator, because an exception ends a generator for good. A
step that a key or a signal interrupts must not end the stream.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

from kraken_book.client.address import MAX_REDIRECTS, ApiAddress, request_timeout
from kraken_book.client.failure import REQUEST_ERRORS, describe_failure
from kraken_book.client.live_book import LiveBook
from kraken_book.client.patience import Patience
from kraken_book.client.session import ClientSession
from kraken_book.errors import Refused, Unreachable


class BlockingBooks(Iterator[LiveBook]):
    """An iterator over the changed books of a session; a step blocks until a book changes.

    After a step was interrupted, as by Ctrl-C, the next step connects again.
    """

    def __init__(self, session: ClientSession, address: ApiAddress, patience: Patience) -> None:
        self._session, self._address, self._patience = session, address, patience
        self._batches = _batches(session, address, patience)
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
        self._batches = _batches(self._session, self._address, self._patience)


# The same steps as in `async_books` without `await`; httpx has separate clients, too.
def _batches(
    session: ClientSession, address: ApiAddress, patience: Patience
) -> Generator[Iterator[LiveBook]]:
    while True:
        reason, watchdog, limit = None, _Watchdog(), session.answer_seconds()
        try:
            with address.client(request_timeout(patience)) as client:
                with watchdog.limit(limit):
                    answer = _open(client, session, watchdog)
                try:
                    yield session.receive_head(answer.status_code, answer.headers)
                    if session.is_refused:
                        _read_refusal(session, answer, watchdog, patience.refusal)
                    else:
                        for chunk in answer.iter_raw():
                            yield session.receive_body(chunk)
                            if session.is_over:
                                break
                finally:
                    answer.close()
        except REQUEST_ERRORS as error:
            expired = watchdog.has_expired
            reason = f"no answer within {limit:.3g} s" if expired else describe_failure(error)
        yield session.end(reason)
        time.sleep(session.pause())


def _open(client: httpx.Client, session: ClientSession, watchdog: _Watchdog) -> httpx.Response:
    """Send the request, and follow redirects without reading their bodies."""
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


def _read_refusal(
    session: ClientSession, answer: httpx.Response, watchdog: _Watchdog, seconds: float
) -> None:
    """Read the start of a refusal, for at most `seconds`."""
    with suppress(httpx.RequestError), watchdog.limit(seconds):
        for chunk in answer.iter_raw():
            for _ in session.receive_body(chunk):
                pass
            if session.is_over:
                return


class _Watchdog:
    """Shuts down a blocking connection when a phase takes too long.

    httpx only limits silence, so an answer that trickles in would never end.
    """

    def __init__(self) -> None:
        self.has_expired = False
        self._stream: httpcore.NetworkStream | None = None

    def trace(self, _event: str, info: dict[str, Any]) -> None:
        """Remember the connection; a callback for httpcore's `trace` extension."""
        stream = info.get("return_value")
        if isinstance(stream, httpcore.NetworkStream):
            self._stream = stream
            if self.has_expired:
                self._shut_down()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Shut down the connection if the body of the `with` takes more than `seconds`."""
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
        self._shut_down()

    def _shut_down(self) -> None:
        connection = self._stream.get_extra_info("socket") if self._stream else None
        if isinstance(connection, socket.socket):
            with suppress(OSError):
                # Shut down the bare socket even under TLS, because the other thread reads from the
                # TLS object.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
