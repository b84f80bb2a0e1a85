"""The conversation of one connection: frames in, verified books and requests out. No I/O, no clock.

It asks for the pairs' precisions first, then for the books. What goes wrong with a symbol is that
symbol's alone: it is left and asked for again while the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collector.books import SymbolBook
from collector.kraken import frames
from collector.kraken.subscription import State, Subscription
from collector.metrics import BAD_FRAMES, BOOK_FRAMES, FRAMES, RESYNCS, VERIFIED_BY_KIND
from collector.stamp import Stamp
from kraken_book.book import CHECKSUM_LEVELS, ChecksumMismatch, CrossedBook
from kraken_book.level import LevelError
from kraken_book.precision import Precision
from service.logs import get_logger

log = get_logger(__name__)

REMEMBERED_REQUESTS = 1000
MOST_DECIMALS = 30

# By error, the bounded set of reasons that readers and metrics see.
REASONS: dict[type[Exception], str] = {
    ChecksumMismatch: "checksum",
    CrossedBook: "crossed",
    LevelError: "level",
    frames.FrameError: "frame",
}


class Session:
    """One connection's symbols; times are steady seconds, given by the caller.

    The caller sends what is in `outgoing`, in order, and removes it. `verified` is whether a
    snapshot has been, since the session began.
    """

    def __init__(self, books: Mapping[str, SymbolBook], depth: int) -> None:
        self._books = books
        self._depth = depth
        self._subscriptions = {symbol: Subscription(symbol) for symbol in books}
        self._asked: dict[int, tuple[str, ...]] = {}
        self._req_id = 0
        self._knows_pairs = False
        self._instruments_asked = 0.0
        self.outgoing: list[str] = []
        self.verified = False

    def open(self, now: float) -> None:
        """The connection is there."""
        self._instruments_asked = now
        self.outgoing.append(frames.subscribe_instruments(self._next_id()))

    def close(self, reason: str) -> None:
        """The connection is gone, for `reason`: no book is followed any more."""
        for book in self._books.values():
            if book.status != "refused":
                book.lose(reason)

    @property
    def complete(self) -> bool:
        """Whether every symbol is live or refused."""
        return all(s.state in (State.LIVE, State.REFUSED) for s in self._subscriptions.values())

    def receive(self, data: bytes, read: Stamp) -> None:
        """Take one frame, read from the socket at `read`."""
        now = read.steady / 1e9
        try:
            frame = frames.decode_frame(data)
        except frames.FrameError as error:
            self._on_bad_frame(error, data, now)
            return
        match frame:
            case frames.BookFrame():
                BOOK_FRAMES.inc()
                for entry in frame.data:
                    self._on_book(frame.type, entry, read, now)
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
            case frames.Unknown():
                FRAMES.labels("unknown").inc()
                log.warning("frame passed over", what=frame.what, frame=_excerpt(data))

    def tick(self, now: float) -> None:
        """Ask for what is due and ask again for what was not answered; call about once a second."""
        if not self._knows_pairs:
            if now - self._instruments_asked >= 10.0:
                log.warning("no pairs yet, asking again")
                self.open(now)
            return
        for subscription in self._subscriptions.values():
            if subscription.unanswered(now):
                self._on_silence(subscription, now)
        self._ask([s for s in self._subscriptions.values() if s.to_ask(now)], now)

    def _on_book(self, kind: str, entry: frames.BookEntry, read: Stamp, now: float) -> None:
        subscription = self._subscriptions.get(entry.symbol)
        if subscription is None:
            log.warning("book of a symbol that was not asked for", symbol=entry.symbol)
            return
        # What still comes of a left subscription, or comes before its snapshot, says nothing sure.
        if kind == "snapshot" and subscription.state is State.ASKED:
            self._on_acknowledged(subscription, now)
        if subscription.state not in _TAKES[kind]:
            return
        book = self._books[entry.symbol]
        try:
            take = book.take_snapshot if kind == "snapshot" else book.take_update
            bids, asks = frames.level_pairs(entry.bids), frames.level_pairs(entry.asks)
            take(bids, asks, entry.checksum, entry.timestamp, read)
        except tuple(REASONS) as error:
            self._resync(subscription, REASONS[type(error)], str(error), now)
            return
        VERIFIED_BY_KIND[kind].inc()
        if kind == "snapshot":
            self.verified = True
            if subscription.state is not State.LIVE:
                log.info("book is live", symbol=entry.symbol)
                subscription.move(State.LIVE, now)

    def _on_bad_frame(self, error: frames.FrameError, data: bytes, now: float) -> None:
        FRAMES.labels("bad").inc()
        BAD_FRAMES.inc()
        log.warning("frame not understood", error=str(error), frame=_excerpt(data))
        for symbol in error.symbols or self._unnamed(error):
            subscription = self._subscriptions.get(symbol)
            if subscription is not None and subscription.state is State.LIVE:
                self._resync(subscription, REASONS[type(error)], str(error), now)

    def _unnamed(self, error: frames.FrameError) -> Iterable[str]:
        """The symbols whose books a frame that names none may have spoilt without a sign."""
        # The checksum covers the best ten: what was lost there shows in the symbol's next frame.
        return self._books if error.is_book and self._depth > CHECKSUM_LEVELS else ()

    def _on_instruments(self, instruments: frames.Instruments, now: float) -> None:
        if instruments.senseless:
            log.warning("pairs not understood, passed over", count=instruments.senseless)
        for pair in instruments.pairs:
            book = self._books.get(pair.symbol)
            if book is None:
                continue
            precision = Precision(pair.price_precision, pair.qty_precision)
            if not all(0 <= decimals <= MOST_DECIMALS for decimals in precision):
                log.warning(
                    "senseless precision passed over", symbol=pair.symbol, precision=precision
                )
                continue
            before, book.precision = book.precision, precision
            subscription = self._subscriptions[pair.symbol]
            if before not in (None, precision) and subscription.state is State.LIVE:
                self._resync(subscription, "precision", f"{before} became {precision}", now)
        if not self._knows_pairs:
            self._knows_pairs = True
            self.tick(now)

    def _on_answer(self, answer: frames.Answer, now: float) -> None:
        if answer.channel == "instrument" or answer.method == "pong":
            return
        symbols = (answer.symbol,) if answer.symbol else self._asked.get(answer.req_id or 0, ())
        if not answer.success:
            log.warning("kraken refused", method=answer.method, error=answer.error, symbols=symbols)
        for symbol in symbols:
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
        if reason.startswith("Already subscribed"):
            # An acknowledgement was lost; only a new subscription brings a snapshot.
            self._resync(subscription, "unanswered", reason, now)
        else:
            self._refuse(subscription, reason, now)

    def _refuse(self, subscription: Subscription, reason: str, now: float) -> None:
        subscription.move(State.REFUSED, now)
        self._books[subscription.symbol].refuse(reason)

    def _on_silence(self, subscription: Subscription, now: float) -> None:
        log.warning("no answer", symbol=subscription.symbol, state=subscription.state.value)
        if subscription.state is State.ASKED:
            subscription.due = now
            subscription.move(State.WAITING, now)
        elif subscription.state is State.LEAVING:
            subscription.move(State.LEAVING, now)
            self._send_unsubscribe(subscription.symbol)
        else:
            self._resync(subscription, "unanswered", "no snapshot came", now)

    def _resync(self, subscription: Subscription, reason: str, why: str, now: float) -> None:
        symbol = subscription.symbol
        RESYNCS.labels(reason).inc()
        log.warning("book doubted, subscribing anew", symbol=symbol, reason=reason, why=why)
        subscription.doubt(now)
        self._books[symbol].lose(reason)
        self._send_unsubscribe(symbol)

    def _ask(self, subscriptions: list[Subscription], now: float) -> None:
        if not subscriptions:
            return
        for subscription in subscriptions:
            subscription.move(State.ASKED, now)
        symbols = tuple(s.symbol for s in subscriptions)
        req_id = self._next_id()
        self._remember(req_id, symbols)
        self.outgoing.append(frames.subscribe_books(symbols, self._depth, req_id))

    def _send_unsubscribe(self, symbol: str) -> None:
        req_id = self._next_id()
        self._remember(req_id, (symbol,))
        self.outgoing.append(frames.unsubscribe_books([symbol], self._depth, req_id))

    def _remember(self, req_id: int, symbols: tuple[str, ...]) -> None:
        # Needed only where an answer names no symbol, and answers do not come much later.
        self._asked[req_id] = symbols
        if len(self._asked) > REMEMBERED_REQUESTS:
            del self._asked[next(iter(self._asked))]

    def _next_id(self) -> int:
        self._req_id += 1
        return self._req_id


# In which states a frame of a kind means what it says.
_TAKES = {
    "snapshot": (State.LIVE, State.ACKNOWLEDGED),
    "update": (State.LIVE,),
}


def _excerpt(data: bytes) -> str:
    return data[:200].decode(errors="replace")
