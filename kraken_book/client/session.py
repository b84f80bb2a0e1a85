"""The reader's side of the streams: what to ask for, what came, when to come back. No socket.

`watching` moves the bytes. A session opens with the books as they are, goes on after the last event
that it has whenever a stream ends, and asks for everything anew where a book cannot be right.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from urllib.parse import quote

import msgspec

from kraken_book.backoff import Backoff
from kraken_book.client.live_book import Doubt, LiveBook
from kraken_book.client.refused import EVENT_STREAM, RefusedAnswer
from kraken_book.client.sse import EndlessMessage, Message, SseParser
from kraken_book.event import decode_event
from kraken_book.symbols import SymbolIndex, folded

log = logging.getLogger("kraken_book.client")

ALL = "*"
# Why there is no stream where nothing broke: who served it said that this was all.
ENDED = "the stream ended"
# More than any venue lists: an api that invents symbols does not fill the memory.
MOST_BOOKS = 10_000
# What has worked for so long has worked: the next failure is a first one again.
SECONDS_OF_PROOF = 10.0
# The longest that an api may send its readers away for, and that a doubt is remembered.
LONGEST_PAUSE = 60.0


class BrokenStream(Exception):
    """What came is no stream of the books that were asked for."""


class Session:
    """One reader of one or many books.

    In turn: `target` and `headers` say what to ask for; `answered` takes the answer's head and
    `receive` its bytes, until `is_over` or until there are no more; `end` closes; after `pause`
    seconds it begins again. `answered`, `receive` and `end` give the books that changed, each at
    the moment when it has.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.books: dict[str, LiveBook] = {}
        self.outage: str | None = "not connected yet"
        """Why there is no stream, None while there is one."""
        self.is_over = False
        """Whether what is open is to be left."""
        self._symbols = tuple(symbols)
        self._asked = {folded(symbol) for symbol in symbols}
        self._last_id: str | None = None
        self._parser = SseParser()
        self._refused: RefusedAnswer | None = None
        self._opened_at: float | None = None
        self._failures = Backoff(least=0.5, most=8.0)
        self._doubts = Backoff(least=0.25, most=LONGEST_PAUSE)
        self._doubted_at = float("-inf")
        # When the books that are in doubt are asked for anew, with all that share their stream.
        self._restart_at: float | None = None
        self._least_pause = 0.0
        self._left_for: str | None = None
        self._told_outage = False

    @property
    def target(self) -> str:
        """The path and query to ask for."""
        if self._is_many:
            return f"/stream?symbols={','.join(quote(symbol, '*') for symbol in self._symbols)}"
        return f"/stream/{quote(self._symbols[0], '')}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of that request."""
        # An endless line that comes compressed would grow after it was counted.
        headers = {"Accept": EVENT_STREAM, "Accept-Encoding": "identity"}
        return headers if self._last_id is None else {**headers, "Last-Event-ID": self._last_id}

    @property
    def _is_many(self) -> bool:
        return len(self._symbols) > 1 or ALL in self._symbols

    def answered(self, status: int, headers: Mapping[str, str]) -> Iterator[LiveBook]:
        """An answer begins; where it is no stream, `end` says what that means."""
        self.is_over, self._restart_at = False, None
        if status == 200 and headers.get("content-type", "").startswith(EVENT_STREAM):
            yield from self._open()
        else:
            self._refused = RefusedAnswer(status, headers)

    def receive(self, chunk: bytes) -> Iterator[LiveBook]:
        """Take bytes of the answer; raises BrokenStream, after which it is to be left."""
        if self._refused is not None:
            self.is_over = self._refused.feed(chunk)
            return
        try:
            for message in self._parser.feed(chunk):
                yield from self._take(message)
                if self.is_over:
                    return
        except (EndlessMessage, msgspec.DecodeError, UnicodeDecodeError) as error:
            why = f"the stream is broken: {error}"
            self._leave_for_doubt(why)
            raise BrokenStream(why) from error
        self._leave_if_doubts_stay()

    def end(self, why: str | None = None) -> Iterator[LiveBook]:
        """The answer ended, or there was none, for `why`.

        Raises UnknownSymbol or another Refused where the api will never serve what is asked for.
        """
        if self._refused is not None:
            why, self._refused = self._judge(self._refused), None
        was_open = self._opened_at is not None
        if self._opened_at is not None and monotonic() - self._opened_at >= SECONDS_OF_PROOF:
            self._failures.reset()
        self._opened_at = None
        self._tell_outage(why or self._left_for or ENDED)
        self._left_for = None
        for book in self.books.values() if was_open else ():
            book.disconnect()
            yield book

    def pause(self) -> float:
        """How many seconds to stay away, at random, so that readers do not come back as one."""
        least, self._least_pause = self._least_pause, 0.0
        return max(min(least, LONGEST_PAUSE), self._failures.next())

    def _open(self) -> Iterator[LiveBook]:
        if self._told_outage:
            log.warning("the stream is there")
        self.outage, self._told_outage = None, False
        self._opened_at, self._parser = monotonic(), SseParser()
        for book in self.books.values():
            if self._last_id is None:
                book.begin()
            book.connect()
            yield book

    def _judge(self, refused: RefusedAnswer) -> str:
        refusal = refused.refusal()
        if refused.status == 400 and self._last_id is not None:
            # An id that only an api can have made up: without it the request may be right.
            self._last_id = None
        elif refused.is_final and not self._may_be_served_again(refused.status):
            raise refusal
        self._least_pause = refused.retry_after
        return f"{refused.status}, {refusal}"

    def _may_be_served_again(self, status: int) -> bool:
        """A book that was there is unknown while Redis is empty; a proxy may answer for an api."""
        return bool(self.books) and status in {200, 404}

    def _take(self, message: Message) -> Iterator[LiveBook]:
        if message.retry is not None:
            self._least_pause = message.retry / 1000
        if not message.data:
            return
        event = decode_event(message.data)
        book = self._book(event.symbol)
        try:
            has_changed = book.take(event)
        except Doubt as doubt:
            self._ask_anew(f"{book.symbol}: {doubt}")
            has_changed = True
        else:
            self._last_id = message.id or self._last_id
        if has_changed:
            yield book

    def _book(self, symbol: str) -> LiveBook:
        book = self.books.get(symbol)
        if book is None:
            is_asked = ALL in self._asked or folded(symbol) in self._asked
            if not is_asked:
                # It may have been asked for with "-" alone, as in foo-b-usd.
                index = SymbolIndex([symbol])
                is_asked = any(index.find(name) for name in self._asked)
            if not is_asked or len(self.books) >= MOST_BOOKS:
                why = f"{symbol[:40]!r} came, and was not asked for"
                self._leave_for_doubt(why)
                raise BrokenStream(why)
            book = self.books[symbol] = LiveBook(symbol)
        return book

    def _ask_anew(self, why: str) -> None:
        """Leave the stream for a fresh one; of many books, when the others had a while."""
        log.warning("asking anew for %s", why)
        if not self._is_many:
            self._leave_for_doubt(why)
        elif self._restart_at is None:
            self._restart_at = monotonic() + self._next_doubt()

    def _leave_if_doubts_stay(self) -> None:
        if self._restart_at is None or monotonic() < self._restart_at:
            return
        self._restart_at = None
        if any(book.is_doubted for book in self.books.values()):
            self.is_over, self._last_id = True, None

    def _leave_for_doubt(self, why: str) -> None:
        self.is_over, self._last_id, self._left_for = True, None, why
        self._least_pause = max(self._least_pause, self._next_doubt())

    def _next_doubt(self) -> float:
        now = monotonic()
        if now - self._doubted_at > LONGEST_PAUSE:
            self._doubts.reset()
        self._doubted_at = now
        return self._doubts.next()

    def _tell_outage(self, why: str) -> None:
        self.outage = why
        if not self._told_outage:
            log.warning("no stream: %s; trying again", why)
            self._told_outage = True
