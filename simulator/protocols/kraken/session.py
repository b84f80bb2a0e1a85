"""One client's requests and their answers, without I/O.

Most error texts are Kraken's. The texts for malformed requests, unknown methods and channels, and
missing subscriptions are invented in the same form.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.faults.active import ActiveFaults
from simulator.faults.kinds import AnswerNever, RateLimit
from simulator.market.instrument import SimulatedInstrument
from simulator.market.subscriber import FeedSubscriber
from simulator.protocols.kraken import replies
from simulator.protocols.kraken.client_requests import (
    MALFORMED,
    BadRequest,
    Params,
    Request,
    parse_request,
)
from simulator.protocols.kraken.feed import DEPTHS, SimulatedFeed
from simulator.protocols.kraken.instruments import instrument_frame
from simulator.protocols.venue import ServedSession
from simulator.wire import now_us, pack

DEPTH_NOT_SUPPORTED = "Subscription depth not supported"
ALREADY_SUBSCRIBED = "Already subscribed"
NOT_SUBSCRIBED = "Subscription Not Found"
PAIR_NOT_SUPPORTED = "Currency pair not supported"
INSTRUMENT_WARNINGS = ["tick_size is deprecated, use price_increment"]


class ServerSession(ServedSession):
    """The subscriptions of one client.

    Args:
        feed: The source of books.
        subscriber: The receiver of the client's frames.
        connection_id: The number in the status frame.
        active_faults: The faults of all connections.

    """

    def __init__(
        self,
        feed: SimulatedFeed,
        subscriber: FeedSubscriber,
        connection_id: int,
        active_faults: ActiveFaults | None = None,
    ) -> None:
        self._feed = feed
        self._active_faults = active_faults or ActiveFaults()
        self._subscriber = subscriber
        self._connection_id = connection_id
        self._depths: dict[str, int] = {}
        self._instruments = False

    def open(self) -> None:
        """Send the status of the system, which is the first frame of a connection."""
        self.send_status()

    @property
    def is_idle(self) -> bool:
        """Whether the client has no subscription."""
        return not self._depths and not self._instruments

    def beat(self) -> None:
        """Send a heartbeat if the client has a subscription; call this once a second."""
        if not self.is_idle:
            self._send(replies.HEARTBEAT)

    def send_status(self) -> None:
        """Send the status of the system."""
        self._send(replies.status(self._connection_id, self._active_faults.system))

    def send_instrument(self, changed: SimulatedInstrument) -> None:
        """Send a changed pair if the client follows the instruments."""
        if self._instruments:
            self._send(instrument_frame([changed], "update"))

    def close(self) -> None:
        """End all subscriptions."""
        for symbol in self._depths:
            self._feed.unsubscribe(symbol, self._subscriber)
        self._depths.clear()
        self._instruments = False

    def receive(self, message: str | bytes) -> None:
        """Answer a message from the client."""
        time_in = now_us()
        if self._active_faults.get(RateLimit):
            self._send(replies.RATE_EXCEEDED)
            return
        if self._active_faults.get(AnswerNever):
            return
        try:
            request = parse_request(message)
        except BadRequest as bad:
            self._send(replies.error(str(bad), bad.method, bad.req_id, time_in))
            return
        if self._active_faults.get(AnswerNever, request.method):
            return
        if request.method == "ping":
            self._send(replies.pong(request.req_id, time_in))
            return
        answer = self._answers().get((request.method, _channel(request)))
        if answer is None or request.params is None:
            self._send(replies.error(_unserved(request), request.method, request.req_id, time_in))
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
            # Kraken sends this refusal without times.
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


def _unserved(request: Request) -> str:
    """Return the error for a decoded request without a known method and channel."""
    if request.method not in {"subscribe", "unsubscribe"}:
        return f"Unknown method {request.method}"
    return f"Unknown channel {_channel(request)}" if request.params else MALFORMED


def _refusal(params: Params) -> str | None:
    """Return the error that refuses a whole request for books, or None."""
    if params.depth not in DEPTHS:
        return DEPTH_NOT_SUPPORTED
    return None if params.symbol else "Symbol(s) not given"
