"""A session and Kraken's side of it, without a socket; tests set the time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.hot_path import PURE, HotPath
from collector.feed.lag import LagMemory
from collector.feed.timestamp import Timestamp
from collector.feed.venue import Instrument
from collector.publish.event_queue import EventQueue, QueueLimit
from collector.venues.kraken.session import KrakenSession
from collector.venues.kraken.venue import RESYNCS_PER_10_S
from collector.venues.subscription import State
from kraken_book.timestamps import rfc3339
from lab.naive_book import NaiveBook, TextLevel

BTC, ETH, BAD = "BTC/USD", "ETH/USD", "XBT/EUR"
QUIET_SECONDS = 300.0
TIME = "2026-08-02T03:35:51.660084Z"
BIDS = [("100.0", "1.00000000"), ("99.0", "2.00000000")]
ASKS = [("101.0", "3.00000000"), ("102.0", "4.00000000")]


def numbers(levels: Iterable[TextLevel]) -> str:
    """Return levels in Kraken's form: numbers with all their zeros."""
    return ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in levels)


def book_frame(
    kind: str,
    symbol: str,
    bids: Iterable[TextLevel],
    asks: Iterable[TextLevel],
    checksum: int,
    time: str | None = TIME,
) -> bytes:
    timestamp = f',"timestamp":"{time}"' if time else ""
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}",'
        f'"bids":[{numbers(bids)}],"asks":[{numbers(asks)}],"checksum":{checksum}{timestamp}}}]}}'
    ).encode()


def together(*book_frames: bytes) -> bytes:
    """Return one update frame with the entries of all these."""
    entries = b",".join(frame[frame.index(b"[{") + 1 : -2] for frame in book_frames)
    return b'{"channel":"book","type":"update","data":[' + entries + b"]}"


def instruments(*symbols: str, price: int = 1, qty: int = 8, kind: str = "snapshot") -> bytes:
    pairs = [
        {"symbol": s, "price_precision": price, "qty_precision": qty, "qty_increment": 1e-08}
        for s in symbols
    ]
    frame = {"channel": "instrument", "type": kind, "data": {"assets": [], "pairs": pairs}}
    return json.dumps(frame).encode()


def acknowledged(method: str, symbol: str, **more: object) -> bytes:
    result = {"channel": "book", "depth": 10, "snapshot": True, "symbol": symbol}
    return json.dumps({"method": method, "result": result, "success": True, **more}).encode()


def refused(symbol: str | None, error: str, method: str = "subscribe", **more: object) -> bytes:
    answer = {"error": error, "method": method, "success": False, **more}
    return json.dumps({**answer, "symbol": symbol} if symbol else answer).encode()


class Market:
    """Kraken's book of one symbol, with frames that have correct checksums."""

    def __init__(self, symbol: str, depth: int = 10) -> None:
        self.symbol = symbol
        self.book = NaiveBook(depth)
        self.book.frame(BIDS, ASKS)

    def snapshot(self) -> bytes:
        return book_frame(
            "snapshot", self.symbol, self.book.bids, self.book.asks, self.book.checksum
        )

    def update(self, bids: Sequence[TextLevel] = (), asks: Sequence[TextLevel] = ()) -> bytes:
        self.book.frame(bids, asks)
        return book_frame("update", self.symbol, bids, asks, self.book.checksum)

    def wrong_update(self) -> bytes:
        return book_frame("update", self.symbol, [("98.0", "1.00000000")], [], 1)


class Conversation:
    """A session with its books, and the frames and requests of it; tests set `now`.

    `path` is the path of new conversations; the fixture `hot_path` sets it.
    """

    path: HotPath = PURE

    def __init__(self, *symbols: str, depth: int = 10) -> None:
        self.now = 5_000.0
        self.books = {
            symbol: SymbolBook(symbol, depth, "simulated", path=self.path) for symbol in symbols
        }
        # The compiled path needs an outbox; that of a closed queue keeps nothing.
        for book in self.books.values():
            EventQueue(book, QueueLimit(), lambda: None)
        self.markets = {symbol: Market(symbol, depth) for symbol in symbols}
        self.listed: list[tuple[list[str], bool]] = []
        self.accepts_lists = True
        self.session = KrakenSession(
            self.books,
            depth,
            QUIET_SECONDS,
            SharedBudget(RESYNCS_PER_10_S, 10.0).join(),
            LagMemory(),
            self._on_instruments,
            self.path,
        )
        self.session.open(self.now)

    def receive(self, *frames: bytes) -> None:
        """Process frames that were read together, as the connection does."""
        read_at = Timestamp(1_785_641_751_702_114_000, int(self.now * 1e9))
        if self.path.take is not None:
            # One update in 50 ms is sampled for the lag, and processed alone. This is it, so that
            # the frames are taken together.
            self.session.lag.on_update("SAMPLED", rfc3339(read_at.steady), read_at)
        messages, at = list(frames), 0
        while (at := self.session.take_plain(messages, at, read_at)) < len(messages):
            for _ in self.session.begin(messages[at], read_at) or ():
                pass
            at += 1

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests since the last call."""
        requests = []
        while (text := self.session.requests.next_request(self.now)) is not None:
            requests.append(json.loads(text))
        return requests

    def _on_instruments(self, pairs: Sequence[Instrument], is_all: bool) -> bool:
        self.listed.append(([pair.symbol for pair in pairs], is_all))
        return self.accepts_lists

    def state(self, symbol: str) -> State:
        """Return the state of a symbol's subscription."""
        return self.session.subscriptions[symbol].state

    def requested(self) -> list[tuple[str, list[str]]]:
        """Return the requests since the last call, in short: method and symbols."""
        return [(r["method"], r["params"].get("symbol", [])) for r in self.requests()]

    def wait(self, seconds: float) -> None:
        """Let time pass, with a tick each second, as the connection does."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            self.session.tick(self.now)

    def go_live(self, *symbols: str) -> None:
        """Send instruments, acknowledgements and snapshots, and drop the requests."""
        names = symbols or tuple(self.books)
        self.receive(instruments(*self.books))
        for symbol in names:
            self.receive(acknowledged("subscribe", symbol), self.markets[symbol].snapshot())
            assert self.books[symbol].is_live
        self.requests()


def resubscribe(conversation: Conversation, symbol: str) -> None:
    """Confirm the unsubscription of a symbol, and grant the next request for it."""
    conversation.receive(acknowledged("unsubscribe", symbol))
    assert conversation.requested() == [("subscribe", [symbol])]
    conversation.receive(acknowledged("subscribe", symbol), conversation.markets[symbol].snapshot())
    assert conversation.books[symbol].is_live


def request_together(*symbols: str) -> tuple[Conversation, int]:
    """Return a conversation with one request for all symbols, and the request's id."""
    conversation = Conversation(*symbols)
    conversation.requests()
    conversation.receive(instruments(*symbols))
    (request,) = conversation.requests()
    assert request["params"]["symbol"] == list(symbols)
    return conversation, request["req_id"]
