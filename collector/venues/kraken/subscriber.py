"""The subscriber of one session: subscribes to books, and resyncs them if needed.

A session is the protocol of one websocket connection. A fault of one symbol affects no other: its
book alone is unsubscribed and subscribed to again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collector.feed.books import SymbolBook
from collector.feed.budget import BudgetShare
from collector.feed.hot_path import Lane
from collector.metrics import MISMATCHES, RESYNCS
from collector.venues.kraken.answers import RequestAnswer
from collector.venues.kraken.frames import Pair
from collector.venues.kraken.requests import Requests
from collector.venues.session import RequestsUnanswered
from collector.venues.subscription import Clock, Event, State, Subscription
from kraken_book.symbols import spellings
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

# The name of the logger in LOG_LEVEL. It does not change if the module moves.
log = get_logger("collector.kraken")

MAX_SYMBOLS_SHOWN = 50

_SETTLED = (State.LIVE, State.REFUSED)


class Subscriber:
    """Subscribes to the books of one session.

    Args:
        books: The initial books.
        clock: The session's time.
        requests: Receives the requests for books.
        resyncs: The connection's share of the budget of resyncs.
        quiet_resync: Seconds without an update after which a book is resynced.
        limited_log: Logger of lines that Kraken can cause any number of times.

    Attributes:
        by_symbol: The subscriptions of all books, without those that were removed.
        lanes: The lanes of the same books, by the UTF-8 of their symbol.
    """

    def __init__(
        self,
        books: Iterable[SymbolBook],
        clock: Clock,
        requests: Requests,
        resyncs: BudgetShare,
        quiet_resync: float,
        limited_log: LimitedLog,
    ) -> None:
        self.by_symbol: dict[str, Subscription] = {}
        self.lanes: dict[bytes, Lane] = {}
        for book in books:
            self._put(Subscription(book, clock))
        # Subscriptions of removed books, until Kraken confirms that they have ended.
        self._leaving: dict[str, Subscription] = {}
        self._clock = clock
        self._requests = requests
        self._resyncs = resyncs
        self._quiet_resync = quiet_resync
        self._log = limited_log

    def add(self, book: SymbolBook) -> None:
        """Add a book, and subscribe to it at the next tick."""
        # If Kraken has not confirmed yet that it was unsubscribed, the subscription is used again.
        subscription = self._leaving.pop(book.symbol, None)
        if subscription is None:
            subscription = Subscription(book, self._clock)
        subscription.book = book
        self._put(subscription)

    def _put(self, subscription: Subscription) -> None:
        self.by_symbol[subscription.symbol] = subscription
        self.lanes[subscription.symbol.encode()] = subscription.book.lane

    def remove(self, symbol: str) -> None:
        """Unsubscribe from a book and remove it."""
        subscription = self.by_symbol.pop(symbol)
        del self.lanes[symbol.encode()]
        self._requests.forget(symbol)
        if subscription.remove():
            self._leaving[symbol] = subscription
            self._requests.leave(symbol)

    def close(self, reason: str) -> None:
        """Drop every book because the connection has ended."""
        for subscription in self.by_symbol.values():
            subscription.close(reason)

    @property
    def are_settled(self) -> bool:
        """Whether every book is live or refused."""
        return all(each.state in _SETTLED for each in self.by_symbol.values())

    def tick(self) -> None:
        """Make requests that are due, and repeat unanswered ones.

        A RequestsUnanswered is raised if the connection must be opened again.
        """
        everything = (*self.by_symbol.values(), *self._leaving.values())
        for subscription in everything:
            if subscription.is_overdue:
                self._on_overdue(subscription)
        # The longest waiting one comes first, so that none is left without budget forever.
        for subscription in sorted(everything, key=lambda each: each.due):
            self._ask_if_due(subscription)
        for subscription in everything:
            if subscription.state is State.LIVE:
                self._resync_if_quiet(subscription)

    def _on_overdue(self, subscription: Subscription) -> None:
        symbol, state = subscription.symbol, subscription.state
        log.warning("no answer from kraken", symbol=symbol, state=state.value)
        if state is State.ACKNOWLEDGED:
            self._resync(subscription, "unanswered", "no snapshot after the acknowledgement")
            return
        has_live = any(each.state is State.LIVE for each in self.by_symbol.values())
        try:
            subscription.time_out(has_live=has_live)
        except RequestsUnanswered:
            # Frames of a removed book are ignored anyway.
            if self._leaving.pop(symbol, None) is None:
                raise
        else:
            if state is State.LEAVING:
                self._requests.leave(symbol, subscription.max_together)

    def _ask_if_due(self, subscription: Subscription) -> None:
        """Request a book if the request is due and the budget of resyncs permits it."""
        if not subscription.is_to_be_asked:
            return
        if subscription.has_budget or self._resyncs.take(self._clock.now):
            subscription.move(Event.REQUESTED)
            self._requests.ask(subscription.symbol, subscription.max_together)

    def _resync_if_quiet(self, subscription: Subscription) -> None:
        # A quiet book may still be right, but only a new snapshot can show it. `wait` returns 0 if
        # the budget permits a resync now.
        quiet = self._clock.now - subscription.book.read_at.steady / 1e9
        if quiet >= self._quiet_resync and not self._resyncs.wait(self._clock.now):
            why = f"no update for {quiet:.0f} s"
            self._resync(subscription, "quiet", why, is_doubt=False)

    # Frames of one book or pair

    def acknowledge(self, subscription: Subscription) -> None:
        """Move a granted subscription; its book is refused if its precision is unknown."""
        if subscription.book.precision is None:
            reason = "its precisions are not among Kraken's instruments"
            subscription.move(Event.UNUSABLE, reason)
        elif subscription.move(Event.ACKNOWLEDGED):
            self._requests.forget(subscription.symbol)

    def doubt(self, subscription: Subscription, reason: str, why: str) -> None:
        """Drop a book that may be wrong, and subscribe to it again.

        Args:
            subscription: The subscription of the book.
            reason: One of a bounded set of words, for readers and metrics.
            why: A longer reason, for the log.
        """
        MISMATCHES.labels(reason).inc()
        self._resync(subscription, reason, why)

    def _resync(
        self, subscription: Subscription, reason: str, why: str, *, is_doubt: bool = True
    ) -> None:
        RESYNCS.labels(reason).inc()
        log.warning("book resync", symbol=subscription.symbol, reason=reason, why=why)
        has_budget = self._resyncs.take(self._clock.now)
        subscription.resync(reason, has_budget=has_budget, is_doubt=is_doubt)
        self._requests.leave(subscription.symbol)

    def on_pair(self, pair: Pair) -> None:
        """Apply the status and the precision of a pair to its book, if there is one."""
        subscription = self.by_symbol.get(pair.symbol)
        if subscription is None:
            return
        book = subscription.book
        book.pair_status = pair.status
        if pair.precision is None:
            return
        before, book.precision = book.precision, pair.precision
        if before not in (None, pair.precision) and subscription.state is State.LIVE:
            self.doubt(subscription, "precision", f"{before} became {pair.precision}")
        elif before is None and subscription.state is State.REFUSED:
            self._resync(subscription, "precision", "its precisions are known now")

    # Answers

    def on_rate_limit(self) -> None:
        """Give requests more attempts, because Kraken asks for a pause."""
        for subscription in (*self.by_symbol.values(), *self._leaving.values()):
            subscription.excuse()

    def on_answer(self, answer: RequestAnswer, asked: Sequence[str]) -> None:
        """Move the subscriptions that an answer concerns.

        Args:
            answer: The answer to a request for books.
            asked: The symbols of the request; empty if the request is not known.
        """
        names = answer.names
        symbols = self._find_symbols(names, asked)
        # An answer without a known name concerns the only symbol of its request. If the request has
        # several, success without any name concerns all of them.
        if not symbols and (len(asked) == 1 or (answer.success and not names)):
            symbols = list(asked)
        if not answer.success:
            self._log.warning(
                "kraken refused request",
                method=answer.method,
                error=answer.short_error,
                symbols=symbols[:MAX_SYMBOLS_SHOWN],
            )
            if not symbols:
                self._divide(answer, asked)
        for symbol in symbols:
            self._on_answer_about(symbol, answer)

    def _find_symbols(self, names: Iterable[str], asked: Sequence[str]) -> list[str]:
        """Return the symbols that `names` mean; Kraken has old and new names of some assets."""
        found = [self._find_symbol(name, asked) for name in names]
        return [symbol for symbol in dict.fromkeys(found) if symbol is not None]

    def _find_symbol(self, name: str, asked: Sequence[str]) -> str | None:
        """Return the symbol that `name` means; None if it is unknown or ambiguous."""
        if name in self.by_symbol or name in self._leaving:
            return name
        others = spellings(name)[1:]
        found = [other for other in others if other in (asked or self.by_symbol)]
        return found[0] if len(found) == 1 else None

    def _divide(self, answer: RequestAnswer, asked: Sequence[str]) -> None:
        """Make the next requests smaller, after an error that may concern any of their symbols."""
        state = State.LEAVING if answer.method == "unsubscribe" else State.ASKED
        known = {**self._leaving, **self.by_symbol}
        concerned = [known[symbol] for symbol in asked or known if symbol in known]
        pending = [subscription for subscription in concerned if subscription.state is state]
        for subscription in pending:
            subscription.divide(len(asked or pending))

    def _on_answer_about(self, symbol: str, answer: RequestAnswer) -> None:
        is_unsubscription = answer.method == "unsubscribe"
        if is_unsubscription and self._leaving.pop(symbol, None) is not None:
            return
        subscription = self.by_symbol.get(symbol)
        if subscription is None:
            return
        if is_unsubscription:
            # An error means that Kraken had no such subscription, which has the same result.
            if subscription.move(Event.LEFT):
                self._ask_if_due(subscription)
        elif answer.success:
            self.acknowledge(subscription)
        elif not answer.is_already_subscribed:
            subscription.move(Event.REFUSED, answer.short_error or "no reason given")
        elif subscription.state is State.ASKED:
            # An acknowledgement was lost. Only a new subscription brings a snapshot.
            self._resync(subscription, "unanswered", answer.short_error)
