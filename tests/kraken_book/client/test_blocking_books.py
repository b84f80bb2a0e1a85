"""The blocking iterator: steps that are interrupted or concurrent."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from kraken_book import watch
from lab.canned_api import HOLD, CannedApi, sse_events, stream
from lab.waiting import wait_until
from lab.written_books import SYMBOL, snapshot, update
from tests.kraken_book.client.reader import Gate

STEP = 0.05


class AlarmError(Exception):
    """Raised by a signal handler."""


@contextmanager
def raise_after(seconds: float, error: type[BaseException]) -> Iterator[None]:
    """Raise `error` from a signal handler after `seconds`."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, AlarmError])
def test_step_after_an_interrupted_step_reconnects_and_gets_a_snapshot(
    error: type[BaseException],
) -> None:
    with CannedApi(Gate(), stream(sse_events(snapshot(9)), HOLD)) as api:
        books = iter(watch(api.url, SYMBOL))
        assert next(books).seq == 3
        with pytest.raises(error), raise_after(STEP, error):
            next(books)
        wait_until(lambda: api.open_connections == 0, "the connection is closed")
        assert (next(books).reason, next(books).reason) == ("disconnected", "no book yet")
        book = next(books)
        assert (book.is_live, book.seq) == (True, 9)


def test_traceback_of_ctrl_c_is_short() -> None:
    with CannedApi(Gate()) as api:
        books = iter(watch(api.url, SYMBOL))
        next(books)
        with pytest.raises(KeyboardInterrupt) as caught, raise_after(STEP, KeyboardInterrupt):
            next(books)
    lines = traceback.format_exception(caught.value)
    assert not any("httpcore" in line or "During handling" in line for line in lines)
    assert len(caught.traceback) == 2


def test_second_thread_on_one_iterator_is_refused() -> None:
    gate = Gate(sse_events(update(4)))
    with CannedApi(gate) as api:
        books = iter(watch(api.url, SYMBOL))
        next(books)
        thread = threading.Thread(target=next, args=(books,))
        thread.start()

        def is_refused() -> bool:
            try:
                with raise_after(0.5, AlarmError):
                    next(books)
            except RuntimeError as error:
                return "another thread already waits" in str(error)
            return False

        wait_until(is_refused, "the second thread is refused")
        gate.open()
        thread.join(20)


def test_book_is_not_live_after_its_loop_has_ended() -> None:
    with CannedApi(Gate()) as api:
        books = watch(api.url, SYMBOL)
        for book in books:
            assert (book.is_live, books.outage) == (True, None)
            break
        assert (book.status, book.reason) == ("stale", "disconnected")
        assert books.outage == "the iteration has ended"
        # The last known levels stay.
        assert book.best_bid is not None
