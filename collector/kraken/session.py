"""The conversation of one connection: frames in, verified books and requests out. No I/O, no clock.

It asks for the pairs' precisions first, then for the books. What goes wrong with a symbol is that
symbol's alone: it is left and asked for again while the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from collector.books import SymbolBook
from collector.budget import Budget
from collector.kraken import frames
from collector.kraken.lag import FeedLag, LeastDistance
from collector.kraken.levels import parse_levels
from collector.kraken.requests import Requests
from collector.kraken.subscription import State, Subscription
from collector.metrics import (
    BAD_FRAMES,
    BOOK_FRAMES,
    FRAMES,
    MISMATCHES,
    RESYNCS,
    VERIFIED_SNAPSHOTS,
    VERIFIED_UPDATES,
)
from collector.stamp import Stamp
from kraken_book.book import CHECKSUM_LEVELS, ChecksumMismatch, CrossedBook
from kraken_book.level import LevelError
from kraken_book.precision import Precision
from service.logs import get_logger

log = get_logger(__name__)

MOST_DECIMALS = 30
MOST_REASON = 200
# As names in keys and in lists of them must be.
_SYMBOL = re.compile(r"[\w.-]{1,40}/[\w.-]{1,40}", re.ASCII)
# Of all symbols of a process: a feed that is wrong everywhere must not become a storm of ours.
RESYNCS_PER_10_S = 50

# Kraken's words.
RATE_EXCEEDED = "Exceeded msg rate"
ALREADY_SUBSCRIBED = "Already subscribed"

# By error, the bounded set of reasons that readers and metrics see.
REASONS: dict[type[Exception], str] = {
    ChecksumMismatch: "checksum",
    CrossedBook: "crossed",
    LevelError: "level",
}
_DOUBTS = tuple(REASONS)


def resync_budget() -> Budget:
    """The budget of subscribing anew, to be shared by all sessions of a process."""
    return Budget(RESYNCS_PER_10_S, 10.0)


InstrumentsListener = Callable[[Sequence[frames.Pair], bool], None]


class Session:
    """One connection's symbols; times are steady seconds, given by the caller.

    The caller sends what `requests` gives. A book that is silent for `quiet` seconds is asked
    for anew, and each that is doubted, within the budget of `resyncs`; that and `least_distance`
    are shared by all sessions of a process. `on_instruments` hears of pairs, and whether they are
    all that are listed. `verified` is whether a snapshot has been, since the session began.
    """

    def __init__(
        self,
        books: Mapping[str, SymbolBook],
        depth: int,
        quiet: float,
        resyncs: Budget,
        least_distance: LeastDistance,
        on_instruments: InstrumentsListener,
    ) -> None:
        self.requests = Requests(depth)
        self._books = books
        self._depth = depth
        self._quiet = quiet
        self._resyncs = resyncs
        self._on_pairs = on_instruments
        self._subscriptions = {symbol: Subscription(symbol) for symbol in books}
        # Of symbols that were removed: until Kraken confirms that it sends them no more.
        self._leaving: dict[str, Subscription] = {}
        self._knows_pairs = False
        self._now = 0.0
        self._instruments_asked = 0.0
        self._instruments_id = 0
        self.lag = FeedLag(least_distance)
        self.system = "unknown"
        self.verified = False

    def open(self, now: float) -> None:
        """The connection is there."""
        self._now = self._instruments_asked = now
        self._instruments_id = self.requests.ask_instruments()

    def close(self, reason: str) -> None:
        """The connection is gone, for `reason`: no book is followed any more."""
        for book in self._books.values():
            if book.status != "refused":
                book.lose(reason)

    def add(self, symbol: str) -> None:
        """A book joins those of the connection; it is asked for at the next tick."""
        subscription = self._leaving.pop(symbol, None) or Subscription(symbol)
        self._subscriptions[symbol] = subscription

    def remove(self, symbol: str) -> None:
        """A book has left those of the connection."""
        subscription = self._subscriptions.pop(symbol)
        self.requests.forget(symbol)
        if subscription.state not in (State.WAITING, State.REFUSED):
            self._leaving[symbol] = subscription
            subscription.ask_anew(self._now, may_ask=True)
            self.requests.leave(symbol)

    @property
    def complete(self) -> bool:
        """Whether the pairs are known, and every symbol is live or refused."""
        settled = (State.LIVE, State.REFUSED)
        return self._knows_pairs and all(s.state in settled for s in self._subscriptions.values())

    def receive(self, data: bytes, read: Stamp) -> None:
        """Take one frame, read from the socket at `read`; raises FeedLagging."""
        self._now = now = read.steady / 1e9
        try:
            frame = frames.decode_frame(data)
        except frames.FrameError as error:
            self._on_bad_frame(error, data, now)
            return
        if not isinstance(frame, frames.BookFrame):
            self._on_other(frame, data, now)
            return
        BOOK_FRAMES.inc()
        take = self._on_update if frame.type == "update" else self._on_snapshot
        for entry in frame.data:
            try:
                take(entry, read, now)
            except frames.FrameError as error:
                # Those behind it are of other symbols, and are taken.
                self._on_bad_frame(error, data, now)

    def _on_other(self, frame: frames.Frame, data: bytes, now: float) -> None:
        match frame:
            case frames.Heartbeat():
                FRAMES.labels("heartbeat").inc()
            case frames.Answer():
                FRAMES.labels("answer").inc()
                self._on_answer(frame, now)
            case frames.Instruments():
                FRAMES.labels("instrument").inc()
                self._on_instruments(frame, now)
            case frames.System():
                FRAMES.labels("status").inc()
                log.info("kraken's engine", system=frame.system)
                self.system = frame.system
            case frames.Unknown():
                FRAMES.labels("unknown").inc()
                log.warning("frame passed over", what=frame.what, frame=_excerpt(data))

    def tick(self, now: float) -> None:
        """Ask for what is due and ask again for what was not answered; call about once a second."""
        self._now = now
        if not self._knows_pairs:
            if now - self._instruments_asked >= 10.0:
                log.warning("no pairs yet, asking again")
                self.open(now)
            return
        for subscription in (*self._subscriptions.values(), *self._leaving.values()):
            if subscription.unanswered(now):
                self._on_silence(subscription, now)
            elif subscription.state is State.LIVE:
                self._look_for_quiet(subscription, now)
            elif self._may_ask(subscription, now):
                subscription.move(State.ASKED, now)
                self.requests.ask(subscription.symbol)

    def _may_ask(self, subscription: Subscription, now: float) -> bool:
        return subscription.to_ask(now) and (subscription.may_ask or self._resyncs.take(now))

    def _look_for_quiet(self, subscription: Subscription, now: float) -> None:
        # A book may be quiet and right; only a new snapshot can tell.
        quiet = now - self._books[subscription.symbol].read.steady / 1e9
        if quiet >= self._quiet and not self._resyncs.wait(now):
            self._say_anew(subscription, "quiet", f"nothing came for {quiet:.0f} s")
            # No doubt, and often so: it is not waited out.
            subscription.ask_anew(now, may_ask=self._resyncs.take(now))

    def _on_update(self, entry: frames.BookEntry, read: Stamp, now: float) -> None:
        subscription = self._subscriptions.get(entry.symbol)
        if subscription is None or subscription.state is not State.LIVE:
            self._on_update_out_of_place(entry, subscription, now)
            return
        # First, so that nothing old is shown as new.
        self.lag.on_update(entry.symbol, entry.timestamp, read)
        book = self._books[entry.symbol]
        try:
            bids, asks = parse_levels(entry, book.known_precision)
            book.take_update(bids, asks, entry.checksum, entry.timestamp, read)
        except _DOUBTS as error:
            self._doubt(subscription, REASONS[type(error)], str(error), now)
        else:
            VERIFIED_UPDATES.inc()

    def _on_update_out_of_place(
        self, entry: frames.BookEntry, subscription: Subscription | None, now: float
    ) -> None:
        if subscription is None:
            _say_unwanted(entry)
        elif subscription.state is State.ACKNOWLEDGED:
            self._doubt(subscription, "early", "an update came before its snapshot", now)
        # What still comes of a subscription that was left says nothing.

    def _on_snapshot(self, entry: frames.BookEntry, read: Stamp, now: float) -> None:
        subscription = self._subscriptions.get(entry.symbol)
        if subscription is None:
            _say_unwanted(entry)
            return
        if subscription.state is State.ASKED:
            # Its acknowledgement was lost.
            self._on_acknowledged(subscription, now)
        if subscription.state not in _TAKES_SNAPSHOTS:
            return
        book = self._books[entry.symbol]
        time_before = book.exchange_time
        try:
            bids, asks = parse_levels(entry, book.known_precision)
            book.take_snapshot(bids, asks, entry.checksum, entry.timestamp, read)
        except _DOUBTS as error:
            self._doubt(subscription, REASONS[type(error)], str(error), now)
            return
        VERIFIED_SNAPSHOTS.inc()
        if (book.exchange_time or "") < (time_before or ""):
            self.lag.restart()
        self._on_live(subscription, now)

    def _on_live(self, subscription: Subscription, now: float) -> None:
        self.verified = True
        if subscription.state is State.LIVE:
            return
        log.info("book is live", symbol=subscription.symbol)
        subscription.move(State.LIVE, now)

    def _on_bad_frame(self, error: frames.FrameError, data: bytes, now: float) -> None:
        FRAMES.labels("bad").inc()
        BAD_FRAMES.inc()
        log.warning("frame not understood", error=str(error), frame=_excerpt(data))
        named = [symbol for symbol in error.symbols if symbol in self._books]
        doubtful = _TAKES_SNAPSHOTS if named else (State.LIVE,)
        for symbol in named or self._unnamed(error):
            subscription = self._subscriptions.get(symbol)
            if subscription is not None and subscription.state in doubtful:
                self._doubt(subscription, "frame", str(error), now)

    def _unnamed(self, error: frames.FrameError) -> Iterable[str]:
        """The symbols whose books a frame that names none may have spoilt without a sign."""
        # The checksum covers the best ten: what was lost there shows in the symbol's next frame.
        return self._books if error.is_book and self._depth > CHECKSUM_LEVELS else ()

    def _on_instruments(self, instruments: frames.Instruments, now: float) -> None:
        if instruments.senseless:
            log.warning("pairs not understood, passed over", count=instruments.senseless)
        pairs = [pair for pair in instruments.pairs if _is_sensible(pair)]
        for pair in pairs:
            if pair.symbol in self._books:
                self._on_pair(pair, now)
        is_all = instruments.is_snapshot and bool(pairs)
        understood = not instruments.senseless and len(pairs) == len(instruments.pairs)
        self._on_pairs(pairs, is_all and understood)
        if is_all and not self._knows_pairs:
            self._knows_pairs = True
            self.tick(now)

    def _on_pair(self, pair: frames.Pair, now: float) -> None:
        book = self._books[pair.symbol]
        precision = Precision(pair.price_precision, pair.qty_precision)
        before, book.precision, book.pair_status = book.precision, precision, pair.status
        subscription = self._subscriptions[pair.symbol]
        if before not in (None, precision) and subscription.state is State.LIVE:
            self._doubt(subscription, "precision", f"{before} became {precision}", now)
        elif before is None and subscription.state is State.REFUSED:
            self._resync(subscription, "precision", "its precisions are known now", now)

    def _on_answer(self, answer: frames.Answer, now: float) -> None:
        if answer.channel == "instrument" or answer.method == "pong":
            return
        if answer.req_id == self._instruments_id and _says_already(answer):
            # Its pairs were lost; only a new subscription brings them.
            self._instruments_asked = now
            self._instruments_id = self.requests.ask_instruments(anew=True)
            return
        if answer.error == RATE_EXCEEDED:
            log.warning("kraken says that requests come too fast")
            self.requests.pause(now)
            return
        symbols = (answer.symbol,) if answer.symbol else self.requests.symbols_of(answer.req_id)
        if not answer.success:
            log.warning("kraken refused", method=answer.method, error=answer.error, symbols=symbols)
        for symbol in symbols:
            if answer.method == "unsubscribe" and self._leaving.pop(symbol, None) is not None:
                continue
            subscription = self._subscriptions.get(symbol)
            if subscription is None:
                continue
            if answer.method == "unsubscribe":
                self._on_left(subscription, now)
            elif answer.success:
                self._on_acknowledged(subscription, now)
            else:
                self._on_refused(subscription, answer.error or "no reason given", now)

    def _on_left(self, subscription: Subscription, now: float) -> None:
        # An error says that there was nothing to leave, which is as good.
        if subscription.state is State.LEAVING:
            subscription.move(State.WAITING, now)
            self.tick(now)

    def _on_acknowledged(self, subscription: Subscription, now: float) -> None:
        if subscription.state is not State.ASKED:
            return
        book = self._books[subscription.symbol]
        if book.precision is None:
            self._refuse(subscription, "its precisions are not among Kraken's instruments", now)
            return
        subscription.move(State.ACKNOWLEDGED, now)
        book.acknowledge()

    def _on_refused(self, subscription: Subscription, reason: str, now: float) -> None:
        if subscription.state is not State.ASKED:
            return
        if reason.startswith(ALREADY_SUBSCRIBED):
            # An acknowledgement was lost; only a new subscription brings a snapshot.
            self._resync(subscription, "unanswered", reason, now)
        else:
            self._refuse(subscription, reason, now)

    def _refuse(self, subscription: Subscription, reason: str, now: float) -> None:
        subscription.move(State.REFUSED, now)
        self._books[subscription.symbol].refuse(reason[:MOST_REASON])

    def _on_silence(self, subscription: Subscription, now: float) -> None:
        log.warning("no answer", symbol=subscription.symbol, state=subscription.state.value)
        if subscription.state is State.ASKED:
            subscription.due = now
            subscription.move(State.WAITING, now)
        elif subscription.state is State.LEAVING:
            subscription.move(State.LEAVING, now)
            self.requests.leave(subscription.symbol)
        else:
            self._resync(subscription, "unanswered", "no snapshot came", now)

    def _doubt(self, subscription: Subscription, reason: str, why: str, now: float) -> None:
        MISMATCHES.labels(reason).inc()
        self._resync(subscription, reason, why, now)

    def _resync(self, subscription: Subscription, reason: str, why: str, now: float) -> None:
        self._say_anew(subscription, reason, why)
        subscription.doubt(now, may_ask=self._resyncs.take(now))

    def _say_anew(self, subscription: Subscription, reason: str, why: str) -> None:
        book = self._books[subscription.symbol]
        RESYNCS.labels(reason).inc()
        log.warning("subscribing anew", symbol=book.symbol, reason=reason, why=why)
        book.resyncs += 1
        book.lose(reason)
        self.requests.leave(book.symbol)


# A book that is live may be replaced by a snapshot that nobody asked for.
_TAKES_SNAPSHOTS = (State.LIVE, State.ACKNOWLEDGED)


def _say_unwanted(entry: frames.BookEntry) -> None:
    log.debug("book of a symbol that is not wanted", symbol=entry.symbol)


def _says_already(answer: frames.Answer) -> bool:
    return (answer.error or "").startswith(ALREADY_SUBSCRIBED)


def _is_sensible(pair: frames.Pair) -> bool:
    decimals = (pair.price_precision, pair.qty_precision)
    if all(0 <= each <= MOST_DECIMALS for each in decimals) and _SYMBOL.fullmatch(pair.symbol):
        return True
    log.warning("senseless pair passed over", pair=repr(pair)[:MOST_REASON])
    return False


def _excerpt(data: bytes) -> str:
    return data[:200].decode(errors="replace")
