"""The conversation of one connection: frames in, verified books and requests out. No I/O, no clock.

It asks for the pairs' precisions first, then for the books. What goes wrong with a symbol is that
symbol's alone: it is left and asked for again while the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from collector.feed.books import SymbolBook
from collector.feed.budget import Share, SharedBudget
from collector.feed.timestamp import Timestamp
from collector.feed.venue import InstrumentsListener
from collector.metrics import (
    BAD_FRAMES,
    BOOK_FRAMES,
    FRAMES,
    MISMATCHES,
    RESYNCS,
    VERIFIED_SNAPSHOTS,
    VERIFIED_UPDATES,
)
from collector.venues.kraken import frames
from collector.venues.kraken.lag import FeedLag, LagMemory
from collector.venues.kraken.levels import parse_levels
from collector.venues.kraken.requests import Requests, Sent
from collector.venues.kraken.subscription import State, Subscription
from kraken_book.book import CHECKSUM_LEVELS
from kraken_book.errors import BookError
from kraken_book.symbols import is_symbol, mentioned, spellings
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

# The name that LOG_LEVEL takes; it outlives moves of this module.
log = get_logger("collector.kraken")

MOST_REASON = 200
# Of all symbols of a process: a feed that is wrong everywhere must not become a storm of ours.
RESYNCS_PER_10_S = 50
# Delay before pairs that did not come, or were not believed, are requested again.
INSTRUMENTS_SECONDS = 10.0
# Entries of a large frame that are processed before yielding to the event loop.
ENTRIES_IN_A_STEP = 50

# Kraken's words.
ALREADY_SUBSCRIBED = "Already subscribed"
# "Exceeded msg rate", "EGeneral:Too many requests", "EAPI:Rate limit exceeded", "EService:Busy", …
_TOO_FAST = re.compile(
    r"exceeded.*\brate\b|\brate\b.*exceeded|\brate.?limit|too many (requests|messages)"
    r"|throttl|slow down|temporary lockout|service: ?busy",
    re.IGNORECASE,
)


def resync_budget() -> SharedBudget:
    """Return the budget of resyncs, of which each connection of a process has a share."""
    return SharedBudget(RESYNCS_PER_10_S, 10.0)


class Session:
    """One connection's symbols; times are steady seconds, given by the caller.

    The caller sends what `requests` gives. A book that is silent for `quiet` seconds, and each
    that is doubted, is resynced within the connection's share `resyncs`; `lag_memory` is the
    connection's too. `on_instruments` hears of pairs, and whether they are all that are listed;
    it returns whether it believes them. `verified` is whether a snapshot has been, since the
    session began.
    """

    def __init__(
        self,
        books: Mapping[str, SymbolBook],
        depth: int,
        quiet: float,
        resyncs: Share,
        lag_memory: LagMemory,
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
        self._believes_pairs = True
        self._now = 0.0
        self._instruments_asked = 0.0
        # Kraken can have these repeated without end.
        self._log = LimitedLog(log)
        self.lag = FeedLag(lag_memory)
        self.system = "unknown"
        self.verified = False

    def open(self, now: float) -> None:
        """The connection is there."""
        self._now = self._instruments_asked = now
        self.requests.ask_instruments()

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
        if subscription.may_be_sent:
            self._leaving[symbol] = subscription
            subscription.ask_anew(self._now, may_ask=True)
            self.requests.leave(symbol)

    @property
    def complete(self) -> bool:
        """Whether the pairs are known, and every symbol is live or refused."""
        settled = (State.LIVE, State.REFUSED)
        return self._knows_pairs and all(s.state in settled for s in self._subscriptions.values())

    def receive(self, data: bytes, read: Timestamp) -> None:
        """Take one frame, read from the socket at `read`; raises FeedLagging."""
        for _ in self.begin(data, read) or ():
            pass

    def begin(self, data: bytes, read: Timestamp) -> Iterator[None] | None:
        """Take one frame, or begin to: what is returned does the rest, in short steps.

        Raises FeedLagging, as do the steps.
        """
        self._now = now = read.steady / 1e9
        try:
            frame = frames.decode_frame(data)
        except frames.FrameError as error:
            self._on_bad_frame(error, data, now)
            return None
        if isinstance(frame, frames.BookFrame):
            BOOK_FRAMES.inc()
            take = self._on_update if frame.type == "update" else self._on_snapshot
            for entry in frame.data:
                try:
                    take(entry, read, now)
                except frames.FrameError as error:
                    # Those behind it are of other symbols, and are taken.
                    self._on_bad_frame(error, data, now)
            return None
        if isinstance(frame, frames.BookParts):
            BOOK_FRAMES.inc()
            return self._take_parts(frame, read, now)
        if isinstance(frame, frames.Instruments):
            FRAMES.labels("instrument").inc()
            return self._take_instruments(frame, now)
        self._on_other(frame, data, read, now)
        return None

    def _take_parts(self, frame: frames.BookParts, read: Timestamp, now: float) -> Iterator[None]:
        take = self._on_update if frame.type == "update" else self._on_snapshot
        for number, raw in enumerate(frame.data, 1):
            try:
                take(frames.decode_entry(raw), read, now)
            except frames.FrameError as error:
                self._on_bad_frame(error, bytes(memoryview(raw)[:MOST_REASON]), now)
            if number % ENTRIES_IN_A_STEP == 0:
                yield

    def _on_other(self, frame: frames.Frame, data: bytes, read: Timestamp, now: float) -> None:
        match frame:
            case frames.Heartbeat():
                FRAMES.labels("heartbeat").inc()
            case frames.Answer():
                FRAMES.labels("answer").inc()
                self._on_answer(frame, read, now)
            case frames.System():
                FRAMES.labels("status").inc()
                system = frame.system[:MOST_REASON]
                if system != self.system:
                    self._log.info("kraken's engine", system=system)
                self.system = system
            case frames.Unknown():
                FRAMES.labels("unknown").inc()
                self._log.warning(
                    "frame passed over", what=frame.what[:MOST_REASON], frame=_excerpt(data)
                )

    def tick(self, now: float) -> None:
        """Ask for what is due and ask again for what was not answered; call about once a second."""
        self._now = now
        self._log.sum_up()
        if not self._knows_pairs:
            if now - self._instruments_asked >= INSTRUMENTS_SECONDS:
                log.warning("no pairs yet, asking again")
                self.open(now)
            return
        if not self._believes_pairs and now - self._instruments_asked >= INSTRUMENTS_SECONDS:
            self._believes_pairs = True
            self._ask_instruments_anew(now)
        everything = (*self._subscriptions.values(), *self._leaving.values())
        for subscription in everything:
            if subscription.unanswered(now):
                self._on_silence(subscription, now)
        # What has waited longest comes first, so that those behind it are not left out for ever.
        for subscription in sorted(everything, key=lambda each: each.due):
            self._ask_if_due(subscription, now)
        for subscription in everything:
            if subscription.state is State.LIVE:
                self._look_for_quiet(subscription, now)

    def _ask_if_due(self, subscription: Subscription, now: float) -> None:
        if subscription.to_ask(now) and (subscription.may_ask or self._resyncs.take(now)):
            subscription.move(State.ASKED, now)
            self.requests.ask(subscription.symbol, subscription.most_together)

    def _ask_instruments_anew(self, now: float) -> None:
        self._instruments_asked = now
        self.requests.ask_instruments(anew=True)

    def _look_for_quiet(self, subscription: Subscription, now: float) -> None:
        # A book may be quiet and right; only a new snapshot can tell.
        quiet = now - self._books[subscription.symbol].read_at.steady / 1e9
        if quiet >= self._quiet and not self._resyncs.wait(now):
            self._say_anew(subscription, "quiet", f"nothing came for {quiet:.0f} s")
            # No doubt, and often so: it is not waited out.
            subscription.ask_anew(now, may_ask=self._resyncs.take(now))

    def _on_update(self, entry: frames.BookEntry, read: Timestamp, now: float) -> None:
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
        except BookError as error:
            self._doubt(subscription, error.reason, str(error), now)
        else:
            VERIFIED_UPDATES.inc()

    def _on_update_out_of_place(
        self, entry: frames.BookEntry, subscription: Subscription | None, now: float
    ) -> None:
        if subscription is None:
            self._say_unwanted(entry)
        elif subscription.state is State.ACKNOWLEDGED:
            self._doubt(subscription, "early", "an update came before its snapshot", now)
        # What still comes of a subscription that was left says nothing.

    def _on_snapshot(self, entry: frames.BookEntry, read: Timestamp, now: float) -> None:
        subscription = self._subscriptions.get(entry.symbol)
        if subscription is None:
            self._say_unwanted(entry)
            return
        # Its acknowledgement may have been lost, or have been taken for a refusal.
        self._on_acknowledged(subscription, now)
        if subscription.state not in _TAKES_SNAPSHOTS:
            return
        book = self._books[entry.symbol]
        try:
            bids, asks = parse_levels(entry, book.known_precision)
            book.take_snapshot(bids, asks, entry.checksum, entry.timestamp, read)
        except BookError as error:
            self._doubt(subscription, error.reason, str(error), now)
            return
        VERIFIED_SNAPSHOTS.inc()
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
        self._log.warning("frame not understood", error=str(error), frame=_excerpt(data))
        named = bool(error.symbols)
        doubtful = _TAKES_SNAPSHOTS if named else (State.LIVE,)
        for symbol in error.symbols if named else self._unnamed(error):
            subscription = self._subscriptions.get(symbol)
            if subscription is not None and subscription.state in doubtful:
                self._doubt(subscription, "frame", str(error), now)

    def _unnamed(self, error: frames.FrameError) -> Iterable[str]:
        """The symbols whose books a frame that names none may have spoilt without a sign."""
        # The checksum covers the best ten: what was lost there shows in the symbol's next frame.
        return self._books if error.is_book and self._depth > CHECKSUM_LEVELS else ()

    def _take_instruments(self, instruments: frames.Instruments, now: float) -> Iterator[None]:
        """Take pairs one by one: one that makes no sense is passed over alone."""
        pairs: list[frames.Pair] = []
        nameless = 0
        for number, raw in enumerate(instruments.pairs, 1):
            try:
                pair = frames.decode_pair(raw)
            except frames.FrameError as error:
                nameless += 1
                self._log.warning(
                    "pair not understood",
                    error=str(error),
                    pair=_excerpt(bytes(memoryview(raw)[:MOST_REASON])),
                )
            else:
                self._take_pair(pair, pairs, now)
            if number % ENTRIES_IN_A_STEP == 0:
                yield
        # Pairs without a name may be any: if they are most, it is not known what is listed.
        is_all = instruments.is_snapshot and bool(pairs) and nameless <= len(pairs)
        self._believes_pairs = self._on_pairs(pairs, is_all)
        if instruments.is_snapshot and pairs and not self._knows_pairs:
            self._knows_pairs = True
            self.tick(now)

    def _take_pair(self, pair: frames.Pair, pairs: list[frames.Pair], now: float) -> None:
        if not is_symbol(pair.symbol):
            # It has a name, so it is none of those that are followed.
            self._log.warning("pair with an odd name passed over", pair=repr(pair)[:MOST_REASON])
            return
        if pair.precision is None:
            self._log.warning("precisions of a pair make no sense", pair=repr(pair)[:MOST_REASON])
        if pair.symbol in self._books:
            self._on_pair(pair, now)
        pairs.append(pair)

    def _on_pair(self, pair: frames.Pair, now: float) -> None:
        book = self._books[pair.symbol]
        book.pair_status = pair.status
        if pair.precision is None:
            return
        before, book.precision = book.precision, pair.precision
        subscription = self._subscriptions[pair.symbol]
        if before not in (None, pair.precision) and subscription.state is State.LIVE:
            self._doubt(subscription, "precision", f"{before} became {pair.precision}", now)
        elif before is None and subscription.state is State.REFUSED:
            self._resync(subscription, "precision", "its precisions are known now", now)

    def _on_answer(self, answer: frames.Answer, read: Timestamp, now: float) -> None:
        sent = self.requests.sent(answer.req_id)
        if sent is not None:
            self.lag.on_answer(int(sent.at * 1e9), read.steady)
        if answer.channel == "instrument" or answer.method == "pong":
            return
        if _TOO_FAST.search((answer.error or "")[:MOST_REASON]):
            self._log.warning(
                "kraken says that requests come too fast", error=(answer.error or "")[:MOST_REASON]
            )
            self.requests.pause(now)
            return
        if sent is not None and not sent.symbols:
            if _says_already(answer):
                # Its pairs were lost; only a new subscription brings them.
                self._ask_instruments_anew(now)
            return
        symbols = self._meant(answer, sent)
        if not answer.success:
            error = (answer.error or "")[:MOST_REASON]
            some = symbols[:ENTRIES_IN_A_STEP]
            self._log.warning("kraken refused", method=answer.method, error=error, symbols=some)
            if not symbols:
                self._divide(answer, sent, now)
        for symbol in symbols:
            self._on_answer_for(symbol, answer, now)

    def _meant(self, answer: frames.Answer, sent: Sent | None) -> list[str]:
        """Return the symbols that an answer is about; none if it does not say, or not of ours.

        Success without a symbol is of the whole request; an error only if that was for one symbol.
        """
        named = [answer.symbol] if answer.symbol else list(answer.symbols)
        if not named and not answer.success:
            named = mentioned((answer.error or "")[:MOST_REASON])
        if named:
            among = sent.symbols if sent is not None else ()
            found = [self._asked_as(name, among) for name in named]
            if symbols := [symbol for symbol in dict.fromkeys(found) if symbol is not None]:
                return symbols
        if sent is not None and (len(sent.symbols) == 1 or (answer.success and not named)):
            return list(sent.symbols)
        return []

    def _asked_as(self, name: str, among: Sequence[str]) -> str | None:
        """Return the symbol of ours that `name` is, or is an old or new name of."""
        if name in self._subscriptions or name in self._leaving:
            return name
        others = spellings(name)[1:]
        found = [other for other in others if other in (among or self._subscriptions)]
        return found[0] if len(found) == 1 else None

    def _divide(self, answer: frames.Answer, sent: Sent | None, now: float) -> None:
        """Ask with fewer others for all that an error may mean which names none of them."""
        state = State.LEAVING if answer.method == "unsubscribe" else State.ASKED
        known = {**self._leaving, **self._subscriptions}
        meant = [known[each] for each in (sent.symbols if sent else known) if each in known]
        pending = [each for each in meant if each.state is state]
        for subscription in pending:
            subscription.divide(len(sent.symbols) if sent else len(pending), now)

    def _on_answer_for(self, symbol: str, answer: frames.Answer, now: float) -> None:
        if answer.method == "unsubscribe" and self._leaving.pop(symbol, None) is not None:
            return
        subscription = self._subscriptions.get(symbol)
        if subscription is None:
            return
        if answer.method == "unsubscribe":
            self._on_left(subscription, now)
        elif answer.success:
            self._on_acknowledged(subscription, now)
        else:
            self._on_refused(subscription, answer.error or "no reason given", now)

    def _on_left(self, subscription: Subscription, now: float) -> None:
        # An error says that there was nothing to leave, which is as good.
        if subscription.state is State.LEAVING:
            subscription.left(now)
            self._ask_if_due(subscription, now)

    def _on_acknowledged(self, subscription: Subscription, now: float) -> None:
        if not (subscription.state in _TAKES_ACKNOWLEDGEMENTS and subscription.may_be_sent):
            return
        book = self._books[subscription.symbol]
        if book.precision is None:
            self._refuse(subscription, "its precisions are not among Kraken's instruments", now)
            return
        self.requests.forget(subscription.symbol)
        subscription.most_together = None
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
            self.requests.leave(subscription.symbol, subscription.most_together)
        else:
            self._resync(subscription, "unanswered", "no snapshot came", now)

    def _doubt(self, subscription: Subscription, reason: str, why: str, now: float) -> None:
        MISMATCHES.labels(reason).inc()
        self._resync(subscription, reason, why, now)

    def _resync(self, subscription: Subscription, reason: str, why: str, now: float) -> None:
        self._say_anew(subscription, reason, why)
        subscription.doubt(now, may_ask=self._resyncs.take(now))

    def _say_unwanted(self, entry: frames.BookEntry) -> None:
        self._log.debug("book of a symbol that is not wanted", symbol=entry.symbol[:MOST_REASON])

    def _say_anew(self, subscription: Subscription, reason: str, why: str) -> None:
        book = self._books[subscription.symbol]
        RESYNCS.labels(reason).inc()
        log.warning("subscribing anew", symbol=book.symbol, reason=reason, why=why)
        book.resyncs += 1
        book.lose(reason)
        self.requests.leave(book.symbol)


# A book that is live may be replaced by a snapshot that nobody asked for.
_TAKES_SNAPSHOTS = (State.LIVE, State.ACKNOWLEDGED)
# Of a book that was asked for, and not left since.
_TAKES_ACKNOWLEDGEMENTS = (State.ASKED, State.WAITING, State.REFUSED)


def _says_already(answer: frames.Answer) -> bool:
    return (answer.error or "").startswith(ALREADY_SUBSCRIBED)


def _excerpt(data: bytes) -> str:
    return data[:200].decode(errors="replace")
