"""The reader's side of the streams: what to ask for, what came, when to come back. No I/O.

`following` moves the bytes. A session opens with the books as they are, continues after its last
event whenever a stream ends, and requests everything again if a book cannot be right.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from urllib.parse import quote

import msgspec

from kraken_book.backoff import Backoff
from kraken_book.client.live_book import LiveBook
from kraken_book.client.refused import EVENT_STREAM, RefusedAnswer
from kraken_book.client.sse import EndlessMessage, Message, SseParser
from kraken_book.errors import BookInvalid, Unreachable
from kraken_book.event import decode_event
from kraken_book.printable import printable
from kraken_book.symbols import SymbolIndex, normalize_symbol
from kraken_book.words import explain

log = logging.getLogger("kraken_book.client")

ALL = "*"
# The outage of a stream that its server ended in good order.
ENDED = "the stream ended"
# More than any venue lists: an api that invents symbols does not fill the memory.
MAX_BOOKS = 10_000
# What has worked for so long has worked: the next failure is a first one again.
SECONDS_OF_PROOF = 10.0
# The longest that an api may send its readers away for, and that a doubt is remembered.
MAX_PAUSE = 60.0
# An api says something every 15 s; one that does not is not there, whatever TCP thinks.
SILENCE_SECONDS = 20.0
# How often an outage that goes on is logged again.
REMINDER_SECONDS = 30.0
MAX_SHOWN = 200


class _BrokenStream(Exception):
    """What came is no stream of the books that were asked for."""


class ClientSession:
    """One reader of one or many books.

    In turn: `target` and `headers` say what to ask for; `answered` takes the answer's head and
    `receive` its bytes, until `is_over` or until there are no more; `end` closes; after `pause`
    seconds it begins again. `answered`, `receive` and `end` give the books that changed, each at
    the moment when it has.

    Args:
        symbols: What to follow; `*` is everything.
        address: The api's address, for messages.
        silence: Seconds without a whole message or comment after which a stream is left.
        give_up_after: Seconds to try for if nothing ever answers; None tries for ever.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        address: str = "the api",
        silence: float = SILENCE_SECONDS,
        give_up_after: float | None = None,
    ) -> None:
        self.books: dict[str, LiveBook] = {}
        self.outage: str | None = "not connected yet"
        """Why there is no stream, None while there is one."""
        self.is_over = False
        """Whether what is open is to be left."""
        self._address = address
        self._silence = silence
        self._give_up_after = give_up_after
        self._begun_at = monotonic()
        self._was_answered = False
        self._heard_at = self._begun_at
        self._ends_heard = 0
        self._symbols = tuple(symbols)
        self._asked = {normalize_symbol(symbol) for symbol in symbols}
        self._last_id: str | None = None
        self._parser = SseParser()
        self._refused: RefusedAnswer | None = None
        self._opened_at: float | None = None
        self._failures = Backoff(least=0.5, most=8.0)
        self._doubts = Backoff(least=0.25, most=MAX_PAUSE)
        self._doubted_at = float("-inf")
        # When the books that are in doubt are asked for anew, with all that share their stream.
        self._restart_at: float | None = None
        self._least_pause = 0.0
        self._left_for: str | None = None
        self._outage_since: float | None = None
        self._told_at: float | None = None
        self._told_wait: str | None = None

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
        """Take the head of an answer; if it is no stream, `end` raises or says why."""
        self.is_over, self._restart_at, self._was_answered = False, None, True
        is_plain = headers.get("content-encoding", "identity") == "identity"
        is_stream = headers.get("content-type", "").startswith(EVENT_STREAM)
        if status == 200 and is_stream and is_plain:
            yield from self._open()
        else:
            self._refused = RefusedAnswer(status, headers, self._address)

    @property
    def is_refused(self) -> bool:
        """Return whether the answer is no stream; only the beginning of its body matters then."""
        return self._refused is not None

    def receive(self, chunk: bytes) -> Iterator[LiveBook]:
        """Take bytes of the answer; afterwards `is_over` says whether to leave it."""
        if self._refused is not None:
            self.is_over = self._refused.feed(chunk)
            return
        try:
            for message in self._parser.feed(chunk):
                yield from self._take(message)
                if self.is_over:
                    return
        except _BrokenStream as error:
            self._leave_for_doubt(str(error))
        except (EndlessMessage, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._leave_for_doubt(f"the stream is broken: {printable(str(error), MAX_SHOWN)}")
        else:
            self._tell_wait()
            self._leave_if_silent()
            self._leave_if_doubts_stay()

    def end(self, why: str | None = None) -> Iterator[LiveBook]:
        """Take the end of an answer, or that there was none.

        Args:
            why: Why there was no answer, or why it broke off.

        Raises:
            UnknownSymbol: The api does not have a symbol that was asked for.
            Refused: The api will never serve what was asked for.
            Unreachable: Nothing ever answered, for as long as the caller wanted to wait.
        """
        if self._refused is not None:
            refused, self._refused = self._refused, None
            why = self._judge(refused)
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
        """Return how many seconds to stay away.

        The time is random, so that readers of one api do not come back at one moment.
        """
        least, self._least_pause = self._least_pause, 0.0
        seconds = max(min(least, MAX_PAUSE), self._failures.next())
        left = self.seconds_left()
        return seconds if left is None else min(seconds, max(left, 0.0))

    def seconds_left(self) -> float | None:
        """Return how long to go on trying, None for ever."""
        if self._give_up_after is None or self._was_answered:
            return None
        return self._begun_at + self._give_up_after - monotonic()

    def interrupt(self) -> Iterator[LiveBook]:
        """Take that the caller was interrupted in the middle of an event.

        A book may be half changed, so a fresh snapshot of each is requested.
        """
        self._refused, self._last_id = None, None
        yield from self.end("the program was interrupted")

    def _open(self) -> Iterator[LiveBook]:
        if self._told_at is not None:
            log.warning("%s: the stream is there", self._address)
        self.outage = self._outage_since = self._told_at = None
        self._opened_at = self._heard_at = monotonic()
        self._parser, self._ends_heard = SseParser(), 0
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
        elif refused.is_final and not self._may_be_served_again(refused):
            self.outage = f"{refused.status}, {refusal}"
            raise refusal
        self._least_pause = refused.retry_after
        return f"{refused.status}, {refusal}"

    def _may_be_served_again(self, refused: RefusedAnswer) -> bool:
        """Return whether a proxy may have answered for an api that did serve this."""
        was_served = bool(self.books)
        return was_served and refused.status in {200, 404} and not refused.is_unknown_symbol

    def _take(self, message: Message) -> Iterator[LiveBook]:
        if message.retry is not None:
            self._least_pause = message.retry / 1000
        if not message.data:
            return
        event = decode_event(message.data)
        book = self._book(event.symbol)
        try:
            has_changed = book.apply(event)
        except BookInvalid as error:
            self._ask_anew(printable(f"{book.symbol}: {error}", MAX_SHOWN))
            has_changed = True
        else:
            self._last_id = message.id or self._last_id
        if has_changed:
            yield book

    def _book(self, symbol: str) -> LiveBook:
        book = self.books.get(symbol)
        if book is None:
            is_asked = ALL in self._asked or normalize_symbol(symbol) in self._asked
            if not is_asked:
                # It may have been asked for with "-" alone, as in foo-b-usd.
                index = SymbolIndex([symbol])
                is_asked = any(index.find(name) for name in self._asked)
            if not is_asked or len(self.books) >= MAX_BOOKS:
                raise _BrokenStream(f"{symbol[:40]!r} came, and was not asked for")
            book = self.books[symbol] = LiveBook(symbol)
        return book

    def _ask_anew(self, why: str) -> None:
        """Leave the stream for a fresh one; of many books, when the others had a while."""
        log.warning("asking anew for %s", why)
        if not self._is_many:
            self._leave_for_doubt(why)
        elif self._restart_at is None:
            self._restart_at = monotonic() + self._next_doubt()

    def _tell_wait(self) -> None:
        """Log what a stream of all books waits for: there is no book whose status would say it."""
        reason = self._parser.waits_for
        if reason is not None and reason != self._told_wait and not self.books:
            self._told_wait = reason
            log.warning("%s: %s", self._address, explain("syncing", reason))

    def _leave_if_silent(self) -> None:
        """Leave a stream that sends bytes, but nothing whole."""
        now = monotonic()
        if self._parser.ends != self._ends_heard:
            self._ends_heard, self._heard_at = self._parser.ends, now
        elif now - self._heard_at >= self._silence:
            self.is_over, self._left_for = True, f"nothing whole came for {self._silence:g} s"

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
        if now - self._doubted_at > MAX_PAUSE:
            self._doubts.reset()
        self._doubted_at = now
        return self._doubts.next()

    def _tell_outage(self, why: str) -> None:
        """Log an outage when it begins, and again from time to time while it lasts."""
        self.outage, now = why, monotonic()
        if self._outage_since is None:
            self._outage_since = now
        left = self.seconds_left()
        if left is not None and left <= 0:
            raise Unreachable(
                f"{self._address}: nothing answered for {self._give_up_after:g} s ({why})"
                f"{self._hint}"
            )
        if self._told_at is None:
            log.warning(
                "%s: no stream: %s; trying again %s%s",
                self._address,
                why,
                "for ever" if left is None else f"for {left:.0f} s",
                self._hint,
            )
        elif now - self._told_at >= REMINDER_SECONDS:
            lasted = now - self._outage_since
            log.warning("%s: no stream for %.0f s: %s; trying again", self._address, lasted, why)
        else:
            return
        self._told_at = now

    @property
    def _hint(self) -> str:
        return "" if self._was_answered else "; is an api running there? `make run` starts one"
