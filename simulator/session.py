"""The protocol of one connection: what each request is answered with. No I/O happens here.

Where KRAKEN.md gives the words of an error, they are these; for the rest (malformed requests,
unknown methods and channels, what is not subscribed) they are ours, in its form.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator import replies
from simulator.clock import now_us
from simulator.conditions import Conditions
from simulator.faults import AnswerNever, RateLimit
from simulator.feed import DEPTH_NOT_SUPPORTED, Feed, Subscriber
from simulator.instruments import Instrument, instrument_frame
from simulator.requests import MALFORMED, BadRequest, Params, Request, parse_request
from simulator.window import DEPTHS
from simulator.wire import pack

ALREADY_SUBSCRIBED = "Already subscribed"
NOT_SUBSCRIBED = "Subscription Not Found"
PAIR_NOT_SUPPORTED = "Currency pair not supported"
INSTRUMENT_WARNINGS = ["tick_size is deprecated, use price_increment"]


class Session:
    """What one client has asked for, and what it is told.

    Args:
        feed: Where the books come from.
        subscriber: Where this client's frames go.
        connection_id: What the status frame tells.
        conditions: What is wrong on all connections.

    """

    def __init__(
        self,
        feed: Feed,
        subscriber: Subscriber,
        connection_id: int,
        conditions: Conditions | None = None,
    ) -> None:
        self._feed = feed
        self._conditions = conditions or Conditions()
        self._subscriber = subscriber
        self._connection_id = connection_id
        self._depths: dict[str, int] = {}
        self._instruments = False

    def tell_status(self) -> None:
        """Tell the client how the system is: when it comes, and when that has changed."""
        self._send(replies.status(self._connection_id, self._conditions.system))

    def tell_instrument(self, changed: Instrument) -> None:
        """Tell the client of a pair that has changed, if it follows the instruments."""
        if self._instruments:
            self._send(instrument_frame([changed], "update"))

    def close(self) -> None:
        """End all subscriptions."""
        for symbol in self._depths:
            self._feed.unsubscribe(symbol, self._subscriber)
        self._depths.clear()
        self._instruments = False

    def heartbeat(self) -> None:
        """Send a heartbeat if the client subscribes to anything; to be called once a second."""
        if self._depths or self._instruments:
            self._send(replies.HEARTBEAT)

    def receive(self, message: str | bytes) -> None:
        """Answer a message of the client."""
        time_in = now_us()
        if self._conditions.get(RateLimit):
            self._send(replies.RATE_EXCEEDED)
            return
        if self._conditions.get(AnswerNever):
            return
        try:
            request = parse_request(message)
        except BadRequest as bad:
            self._send(replies.error(str(bad), bad.method, bad.req_id, time_in))
            return
        if self._conditions.get(AnswerNever, request.method):
            return
        if request.method == "ping":
            self._send(replies.pong(request.req_id, time_in))
            return
        answer = self._answers().get((request.method, _channel(request)))
        if answer is None or request.params is None:
            self._send(replies.error(_misfit(request), request.method, request.req_id, time_in))
        else:
            answer(request, request.params, time_in)

    def _answers(self) -> dict[tuple[str, str], Callable[[Request, Params, int], None]]:
        return {
            ("subscribe", "book"): self._subscribe_books,
            ("unsubscribe", "book"): self._unsubscribe_books,
            ("subscribe", "instrument"): self._subscribe_instruments,
            ("unsubscribe", "instrument"): self._unsubscribe_instruments,
        }

    def _subscribe_books(self, request: Request, params: Params, time_in: int) -> None:
        if refusal := _refusal(params):
            self._send(replies.error(refusal, request.method, request.req_id, time_in))
            return
        for symbol in params.symbol:
            self._subscribe_book(symbol, request, params, time_in)

    def _subscribe_book(self, symbol: str, request: Request, params: Params, time_in: int) -> None:
        method, req_id = request.method, request.req_id
        if not self._feed.lists(symbol):
            # Kraken sends this one without times.
            refused = f"{PAIR_NOT_SUPPORTED} {symbol}"
            self._send(replies.error(refused, method, req_id, None, symbol))
        elif not self._feed.serves(symbol, params.depth):
            self._send(replies.error(DEPTH_NOT_SUPPORTED, method, req_id, time_in))
        elif symbol in self._depths:
            self._send(replies.error(ALREADY_SUBSCRIBED, method, req_id, time_in, symbol))
        else:
            result = {
                "channel": "book",
                "depth": params.depth,
                "snapshot": params.snapshot,
                "symbol": symbol,
            }
            self._send(replies.ack(method, req_id, result, time_in))
            self._depths[symbol] = params.depth
            self._feed.subscribe(symbol, params.depth, self._subscriber, params.snapshot)

    def _unsubscribe_books(self, request: Request, params: Params, time_in: int) -> None:
        if refusal := _refusal(params):
            self._send(replies.error(refusal, request.method, request.req_id, time_in))
            return
        for symbol in params.symbol:
            if self._depths.get(symbol) != params.depth:
                self._send(
                    replies.error(NOT_SUBSCRIBED, request.method, request.req_id, time_in, symbol)
                )
                continue
            del self._depths[symbol]
            self._feed.unsubscribe(symbol, self._subscriber)
            result = {"channel": "book", "depth": params.depth, "symbol": symbol}
            self._send(replies.ack(request.method, request.req_id, result, time_in))

    def _subscribe_instruments(self, request: Request, params: Params, time_in: int) -> None:
        if self._instruments:
            self._send(replies.error(ALREADY_SUBSCRIBED, request.method, request.req_id, time_in))
            return
        self._instruments = True
        result = {
            "channel": "instrument",
            "snapshot": params.snapshot,
            "warnings": INSTRUMENT_WARNINGS,
        }
        self._send(replies.ack(request.method, request.req_id, result, time_in))
        if params.snapshot:
            self._send(instrument_frame(self._feed.instruments()))

    def _unsubscribe_instruments(self, request: Request, params: Params, time_in: int) -> None:
        if not self._instruments:
            self._send(replies.error(NOT_SUBSCRIBED, request.method, request.req_id, time_in))
            return
        self._instruments = False
        result = {"channel": params.channel}
        self._send(replies.ack(request.method, request.req_id, result, time_in))

    def _send(self, text: str) -> None:
        self._subscriber.push(pack(text))


def _channel(request: Request) -> str:
    return request.params.channel if request.params else ""


def _misfit(request: Request) -> str:
    """Why a well-formed request fits nothing that is served."""
    if request.method not in {"subscribe", "unsubscribe"}:
        return f"Unknown method {request.method}"
    return f"Unknown channel {_channel(request)}" if request.params else MALFORMED


def _refusal(params: Params) -> str | None:
    """Why a request for books is refused as a whole."""
    if params.depth not in DEPTHS:
        return DEPTH_NOT_SUPPORTED
    return None if params.symbol else "Symbol(s) not given"
