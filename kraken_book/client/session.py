"""The client's side of a stream, without I/O: the request, its answer, and when to reconnect.

`async_books` and `blocking_books` move the bytes. A session requests snapshots first. When a stream
ends, the session resumes after its last event. If a book is invalid, it requests snapshots again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from time import monotonic
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from kraken_book.backoff import Backoff
from kraken_book.client.arguments import wildcards_in
from kraken_book.client.live_book import LiveBook
from kraken_book.client.outage import Failure, Outage
from kraken_book.client.patience import DEFAULT_PATIENCE, Patience
from kraken_book.client.refused import EVENT_STREAM, RefusedAnswer, Server
from kraken_book.client.sse import EndlessMessage, Message, SseParser
from kraken_book.errors import BookInvalid, KrakenBookError
from kraken_book.event import decode_event
from kraken_book.printable import printable
from kraken_book.symbols import SymbolIndex, normalize_symbol
from kraken_book.words import explain

log = logging.getLogger("kraken_book.client")

__all__ = ["ENDED", "MAX_DOUBT_SECONDS", "ClientSession", "StreamStart", "is_same_symbol"]

# The reason of an outage after the server has ended the stream properly.
ENDED = "the stream ended"
# More than any venue lists. The limit keeps an api that invents symbols from filling the memory.
MAX_BOOKS = 10_000
# Pauses after invalid books grow up to this limit. After as long without an invalid book, they
# start small again.
MAX_DOUBT_SECONDS = 60.0
# The minimum time for the head of an answer, even if less is left until the session gives up.
MIN_ANSWER_SECONDS = 0.5
# The most characters of an error that a message contains.
MAX_ERROR_CHARS = 200


class _BrokenStream(Exception):
    """The bytes are not a stream of the requested books."""


CLOSED = "the iteration has ended"


class StreamStart(NamedTuple):
    """Where a stream continues: after `last_id`, with the books as they were then."""

    last_id: str | None
    books: Sequence[LiveBook]


class ClientSession:
    """The state of one reader of one or many books.

    The caller repeats these steps. It sends the request of `target` and `headers`, passes the head
    of the answer to `receive_head`, and its body to `receive_body` until `is_over` or the end. Then
    it calls `end`, and waits for `pause` seconds. `receive_head`, `receive_body` and `end` yield
    each book right after its change.

    Args:
        symbols: The symbols to follow, also wildcards and exclusions; `*` is every symbol.
        server: The server, for messages.
        patience: Time limits. The caller enforces those of single requests, and `silence` while no
            byte arrives.
        give_up_after: Seconds to try if nothing ever answers; None is no limit.
        attempts: Requests in a row that open no stream, at most; None is no limit.
        start: Where to continue an earlier stream; None is at the current books.
        selects: Whether to process the book of a symbol; by default each of the stream.
        max_books: The maximum number of books.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        server: Server | None = None,
        patience: Patience = DEFAULT_PATIENCE,
        give_up_after: float | None = None,
        *,
        attempts: int | None = None,
        start: StreamStart | None = None,
        selects: Callable[[str], bool] | None = None,
        max_books: int = MAX_BOOKS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        start = start or StreamStart(None, ())
        self.books: dict[str, LiveBook] = {book.symbol: book for book in start.books}
        self.is_over = False
        """Whether the caller should close the connection."""
        self._symbols = tuple(symbols)
        self._wildcards = wildcards_in(symbols)
        self._normalized = {normalize_symbol(symbol) for symbol in symbols}
        self._server = server or Server()
        self._patience = patience
        self._selects = None if selects is None else lru_cache(max_books)(selects)
        self._max_books = max_books
        self._clock = clock
        self._outage = Outage(self._server.address, give_up_after, attempts, clock)
        # State of the answer: a stream, or a refusal.
        self._parser = SseParser()
        self._refused: RefusedAnswer | None = None
        self._opened_at: float | None = None
        # The time of the last whole message or comment, and their number until then.
        self._last_end_at = clock()
        self._ends_seen = 0
        self._close_reason: str | None = None
        self._logged_wait: str | None = None

        # State for the next request.
        self._last_id = start.last_id
        self._min_pause = 0.0
        self._failure_backoff = Backoff(least=0.5, most=8.0)
        self._doubt_backoff = Backoff(least=0.25, most=MAX_DOUBT_SECONDS)
        self._doubted_at = float("-inf")
        # When to end a stream of many books to get a snapshot of an invalid one.
        self._restart_at: float | None = None

    @property
    def outage(self) -> str | None:
        """Why there is no stream, None while there is one."""
        return self._outage.reason

    @property
    def last_id(self) -> str | None:
        """The id after which a stream can resume, None if the next one needs snapshots."""
        return self._last_id

    @property
    def target(self) -> str:
        """The path and query of the next request."""
        if self._is_many:
            return f"/stream?symbols={','.join(quote(symbol, '*!') for symbol in self._symbols)}"
        return f"/stream/{quote(self._symbols[0], '')}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the next request."""
        # A compressed line without end would grow after its size was checked.
        headers = {"Accept": EVENT_STREAM, "Accept-Encoding": "identity"}
        return headers if self._last_id is None else {**headers, "Last-Event-ID": self._last_id}

    @property
    def _is_many(self) -> bool:
        return len(self._symbols) > 1 or self._wildcards is not None

    @property
    def _has_doubted_book(self) -> bool:
        return any(book.is_doubted for book in self.books.values())

    @property
    def is_refused(self) -> bool:
        """Whether the answer is not a stream, so that only the start of its body matters."""
        return self._refused is not None

    def receive_head(self, status: int, headers: Mapping[str, str]) -> Iterator[LiveBook]:
        """Process the head of an answer. If it is a refusal, `end` reports or raises it.

        Args:
            status: The HTTP status.
            headers: The headers, with lower-case names or case-insensitive.

        Yields:
            Each known book, if a stream opened; the book is now connected again.
        """
        self.is_over, self._restart_at = False, None
        self._outage.record_answer()
        is_uncompressed = headers.get("content-encoding", "identity") == "identity"
        is_stream = headers.get("content-type", "").startswith(EVENT_STREAM)
        if status == 200 and is_stream and is_uncompressed:
            yield from self._open()
        else:
            self._refused = RefusedAnswer(status, headers, self._server)

    def receive_body(self, chunk: bytes) -> Iterator[LiveBook]:
        """Process bytes of the body, and set `is_over` if the connection should be closed.

        Args:
            chunk: The bytes, split anywhere.

        Yields:
            Each book after its change.
        """
        if self._refused is not None:
            self.is_over = self._refused.feed(chunk)
            return
        try:
            for message in self._parser.feed(chunk):
                yield from self._apply_message(message)
                if self.is_over:
                    return
        except _BrokenStream as error:
            self._close_for_doubt(str(error))
        except (EndlessMessage, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._close_for_doubt(f"the stream is broken: {printable(str(error), MAX_ERROR_CHARS)}")
        else:
            self._log_wait()
            self._close_if_silent()
            self._restart_if_due()

    def end(self, failure: Failure | None = None) -> Iterator[LiveBook]:
        """Finish an answer, or a request that was not answered.

        A symbol that the api does not have raises UnknownSymbol, and any other final refusal raises
        Refused. If nothing ever answered and the time to try is over, Unreachable is raised. After
        the last attempt, its error is raised.

        Args:
            failure: Why there was no answer, or why the answer ended early.

        Yields:
            Each book of a stream that was open; the book is now disconnected.
        """
        was_open = self._opened_at is not None
        error: KrakenBookError | None = None
        reason = failure and failure.words
        if self._refused is not None:
            refused, self._refused = self._refused, None
            error = self._judge(refused)
            reason = f"{refused.status}, {error}"
        elif failure is not None and not was_open:
            error = failure.kind(f"{self._server.address}: {failure.words}")
        # After short streams the pauses still grow, because a broken api may accept every request.
        if self._opened_at is not None and self._clock() - self._opened_at >= self._patience.proof:
            self._failure_backoff.reset()
        self._opened_at = None
        self._outage.report(reason or self._close_reason or ENDED, error)
        self._close_reason = None
        if self._has_doubted_book:
            # A resumed stream has no snapshot for it.
            self._last_id = None
        for book in self.books.values() if was_open else ():
            book.disconnect()
            yield book

    def pause(self) -> float:
        """Return the seconds to wait before the next request.

        The time is random, so that the readers of one api do not return together.
        """
        min_pause, self._min_pause = self._min_pause, 0.0
        seconds = min(max(min_pause, self._failure_backoff.next()), self._patience.max_pause)
        left = self._outage.seconds_left()
        return seconds if left is None else min(seconds, max(left, 0.0))

    def answer_seconds(self) -> float:
        """Return the time limit for the head of the next answer."""
        limit, left = self._patience.answer, self._outage.seconds_left()
        return limit if left is None else min(limit, max(left, MIN_ANSWER_SECONDS))

    def interrupt(self) -> Iterator[LiveBook]:
        """End the stream after the caller was interrupted while it processed an event.

        A book may be half changed, so the next request asks for snapshots.

        Yields:
            Each book, which is now disconnected.
        """
        self._refused, self._last_id = None, None
        self._close_reason = "the program was interrupted"
        yield from self.end()

    def close(self) -> None:
        """Record that the iteration has ended, so that no book is current."""
        self._outage.reason = self._outage.reason or CLOSED
        for book in self.books.values():
            book.disconnect()

    def _open(self) -> Iterator[LiveBook]:
        self._outage.end()
        self._opened_at = self._last_end_at = self._clock()
        self._parser, self._ends_seen = SseParser(), 0
        for book in self.books.values():
            if self._last_id is None:
                book.begin()
            book.connect()
            yield book

    def _judge(self, refused: RefusedAnswer) -> KrakenBookError:
        """Return the error of a refusal; raise it if it is final."""
        error = refused.error(was_served=bool(self.books))
        if refused.status == 400 and self._last_id is not None:
            # The id may be the cause. Without it the request may succeed.
            self._last_id = None
        elif refused.is_final and not self._may_be_served_again(refused):
            # Not by `report`, which would log that the client tries again.
            self._outage.reason = f"{refused.status}, {error}"
            raise error
        self._min_pause = refused.retry_after or 0.0
        return error

    def _may_be_served_again(self, refused: RefusedAnswer) -> bool:
        """Return whether the request may succeed later, because the api has served it before.

        The refusal may come from a proxy that has no api now: its own 404, or a page with 200.
        """
        was_served = bool(self.books)
        return was_served and refused.status in {200, 404} and not refused.is_unknown_symbol

    def _apply_message(self, message: Message) -> Iterator[LiveBook]:
        if message.retry is not None:
            self._min_pause = message.retry / 1000
        if not message.data:
            return
        event = decode_event(message.data)
        if self._selects is not None and not self._selects(event.symbol):
            self._last_id = message.id or self._last_id
            return
        book = self._book(event.symbol)
        try:
            has_changed = book.apply(event)
        except BookInvalid as error:
            self._doubt(printable(f"{book.symbol}: {error}", MAX_ERROR_CHARS))
            has_changed = True
        else:
            self._last_id = message.id or self._last_id
        if has_changed:
            yield book

    def _book(self, symbol: str) -> LiveBook:
        book = self.books.get(symbol)
        if book is None:
            if not self._is_requested(symbol) or len(self.books) >= self._max_books:
                raise _BrokenStream(f"{printable(repr(symbol[:40]))} was not requested")
            book = self.books[symbol] = LiveBook(symbol)
        return book

    def _is_requested(self, symbol: str) -> bool:
        if self._wildcards is not None and self._wildcards.selects(symbol):
            return True
        if normalize_symbol(symbol) in self._normalized:
            return True
        return any(is_same_symbol(name, symbol) for name in self._normalized)

    def _doubt(self, reason: str) -> None:
        """End the stream for a snapshot: at once, or later if the stream has other books."""
        log.warning("%s: book in doubt: %s; requesting a snapshot", self._server.address, reason)
        if not self._is_many:
            self._close_for_doubt(reason)
        elif self._restart_at is None:
            self._restart_at = self._clock() + self._next_doubt_pause()

    def _log_wait(self) -> None:
        """Log why the api sends no event yet, unless a book exists: then its status shows it."""
        reason = self._parser.waits_for
        if reason is not None and reason != self._logged_wait and not self.books:
            self._logged_wait = reason
            log.warning("%s: stream waits: %s", self._server.address, explain("syncing", reason))

    def _close_if_silent(self) -> None:
        """Close a stream that sends bytes, but for too long no whole message or comment."""
        now = self._clock()
        if self._parser.ends != self._ends_seen:
            self._ends_seen, self._last_end_at = self._parser.ends, now
        elif now - self._last_end_at >= self._patience.silence:
            self.is_over = True
            self._close_reason = f"no whole message within {self._patience.silence:g} s"

    def _restart_if_due(self) -> None:
        """Close the stream if a restart is due and a book is still invalid."""
        if self._restart_at is None or self._clock() < self._restart_at:
            return
        self._restart_at = None
        if self._has_doubted_book:
            self.is_over = True

    def _close_for_doubt(self, reason: str) -> None:
        """Close the stream, and request snapshots after a pause that grows with each doubt."""
        self.is_over, self._last_id, self._close_reason = True, None, reason
        self._min_pause = max(self._min_pause, self._next_doubt_pause())

    def _next_doubt_pause(self) -> float:
        now = self._clock()
        if now - self._doubted_at > MAX_DOUBT_SECONDS:
            self._doubt_backoff.reset()
        self._doubted_at = now
        return self._doubt_backoff.next()


def is_same_symbol(name: str, symbol: str) -> bool:
    """Return whether `name` is a spelling of `symbol`.

    A name may have only "-", as in foo-b-usd, which an index of the symbol finds.
    """
    return SymbolIndex([symbol]).find(name) is not None
