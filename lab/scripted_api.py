"""An api under a test's control, which moves its markets: /symbols, /books, /best, streams, page.

For answers that are prepared byte for byte, see `canned_api`.

async with ScriptedApi() as api:
    market = api.market("BTC/USD", bids=[("1.0", "2.0")], asks=[("1.1", "3.0")])
    market.update(bids=[("1.0", "0.0")])
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from mimetypes import guess_type
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from kraken_book.book import Book
from kraken_book.book_snapshot import snapshot_of
from kraken_book.event import (
    Lagged,
    LaggedReason,
    Status,
    StatusChange,
    render_lagged,
    render_snapshot,
    render_status,
    render_update,
)
from kraken_book.precision import Precision
from kraken_book.symbols import normalize_symbol, pair_of, suggest_symbols, venue_of

PAGE = Path(__file__).parents[1] / "api" / "page"

Pairs = Sequence[tuple[str, str]]
EPOCH = 1785638131660
TIME = "2026-08-02T03:35:51.660084Z"


class ScriptedMarket:
    """A book that sends its events to the streams; a test can also make wrong events."""

    def __init__(self, api: ScriptedApi, book: Book, source: str) -> None:
        self.book = book
        self.seq = 1
        self.row: dict[str, Any] = {}
        """Members of the book's row in `/books` that replace those of the book."""
        self._api = api
        self._source = source

    @property
    def symbol(self) -> str:
        """The book's symbol."""
        return self.book.symbol

    def update(self, bids: Pairs = (), asks: Pairs = (), *, is_lie: bool = False) -> None:
        """Change the book and send the update, with a wrong checksum if `is_lie`."""
        levels = self.book.levels(bids), self.book.levels(asks)
        self.book.update(*levels)
        self.seq += 1
        checksum = self.book.checksum() ^ is_lie
        self._send(render_update(self.book, self.seq, EPOCH, *levels, checksum, TIME, TIME))

    def status(self, status: Status, reason: str | None = None, *, by_api: bool = False) -> None:
        """Send a status event of the collector or, without a seq, of the api."""
        self.seq += not by_api
        seq, epoch = (None, None) if by_api else (self.seq, EPOCH)
        change = StatusChange(self.symbol, seq, epoch, status, reason, TIME)
        self._send(render_status(change), has_id=not by_api)

    def lag(self, missed: int | None, reason: LaggedReason = "slow") -> None:
        """Send a `lagged` event."""
        self._send(render_lagged(Lagged(self.symbol, missed, reason)), has_id=False)

    def send_snapshot(self, conflated: int | None = None) -> None:
        """Send a snapshot that replaces `conflated` updates."""
        self.seq += 1 + (conflated or 0)
        self._send(self.snapshot(conflated))

    def snapshot(self, conflated: int | None = None) -> bytes:
        """Return the event of a snapshot of the book."""
        view = snapshot_of(self.book, self._source, self.book.checksum(), TIME)
        return render_snapshot(view, self.seq, EPOCH, TIME, conflated)

    def books_row(self) -> dict[str, Any]:
        """Return the book's row in `/books`."""
        bid, ask = self.book.bids.best, self.book.asks.best
        return {
            "symbol": self.symbol,
            "status": "live",
            "reason": None,
            "source": self._source,
            "proof": "checksum",
            "age_ms": 400,
            "best_bid": bid and {"price": bid.price, "qty": bid.qty},
            "best_ask": ask and {"price": ask.price, "qty": ask.qty},
            "spread": self.book.spread,
            "seq": self.seq,
            "epoch": EPOCH,
            **self.row,
        }

    def _send(self, event: bytes, *, has_id: bool = True) -> None:
        self._api.send_event(self.symbol, event, f"1-{self.seq}" if has_id else None)


class _Follower:
    def __init__(self, symbols: set[str] | None, writer: asyncio.StreamWriter) -> None:
        self._symbols = symbols
        self._writer = writer

    def follows(self, symbol: str) -> bool:
        return self._symbols is None or symbol in self._symbols

    def send_event(self, event: bytes, event_id: str | None) -> None:
        head = b"" if event_id is None else f"id: {event_id}\n".encode()
        self._writer.write(head + b"data: " + event + b"\n\n")

    def send_comment(self) -> None:
        self._writer.write(b":\n\n")

    def cut(self) -> None:
        self._writer.transport.abort()


class ScriptedApi:
    """An api that can `stop` and `start` again at the same address."""

    def __init__(self) -> None:
        self.markets: dict[str, ScriptedMarket] = {}
        self.key: str | None = None
        """The bearer token that readers must send; None if they need none."""
        self.has_books = self.has_streams = True
        """Whether `/books` and `/best` are answered and streams opened; else the answer is 503."""
        self.streams_asked: list[str] = []
        self._port = 0
        self._server: asyncio.Server | None = None
        self._followers: list[_Follower] = []
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The address of the api."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, at the same address as before if the api was stopped."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    @property
    def is_started(self) -> bool:
        """Whether the api listens."""
        return self._server is not None and self._server.is_serving()

    def reset(self) -> None:
        """Forget all markets and requests, and answer everything, as at the beginning."""
        self.cut_streams()
        self.markets.clear()
        self.streams_asked.clear()
        self.key = None
        self.has_books = self.has_streams = True

    def cut_streams(self) -> None:
        """Abort every stream."""
        for follower in self._followers:
            follower.cut()
        self._followers.clear()

    async def stop(self) -> None:
        """Abort all connections and stop listening."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._followers.clear()
        await self._server.wait_closed()

    def market(
        self,
        symbol: str,
        bids: Pairs,
        asks: Pairs,
        *,
        precision: tuple[int, int] = (1, 8),
        depth: int = 10,
        source: str = "simulated",
    ) -> ScriptedMarket:
        """Add a market; return it."""
        book = Book(symbol, depth, Precision(*precision))
        book.replace(book.levels(bids), book.levels(asks))
        market = self.markets[symbol] = ScriptedMarket(self, book, source)
        return market

    def send_event(self, symbol: str, event: bytes, event_id: str | None) -> None:
        """Send an event to all followers of `symbol`."""
        for follower in self._followers:
            if follower.follows(symbol):
                follower.send_event(event, event_id)

    @property
    def is_followed(self) -> bool:
        """Whether a stream is open."""
        return bool(self._followers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if self.key is not None and f"Bearer {self.key}" not in head:
                _answer(writer, 401, {"detail": "no such key"})
            else:
                await self._route(head.split()[1], reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            # The reader has disconnected, or `stop` aborted its connection.
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _route(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        url = urlsplit(target)
        if url.path in {"/", "/kraken-book.js"} or url.path.startswith("/page/"):
            _answer_file(writer, PAGE / (url.path.removeprefix("/page").strip("/") or "index.html"))
        elif url.path == "/symbols":
            _answer(writer, 200, sorted(self.markets))
        elif url.path.startswith(("/books", "/best/")) and not self.has_books:
            _answer(writer, 503, {"detail": "no books today"})
        elif url.path.startswith("/best/"):
            self._answer_best(writer, unquote(url.path.removeprefix("/best/")))
        elif url.path == "/books":
            # A real api sends comments at intervals; without any, readers reconnect.
            for follower in self._followers:
                follower.send_comment()
            _answer(writer, 200, [self.markets[name].books_row() for name in sorted(self.markets)])
        elif url.path.startswith("/stream") and not self.has_streams:
            _answer(writer, 503, {"detail": "no streams today"})
        elif url.path.startswith("/stream"):
            asked = parse_qs(url.query).get("symbols", [unquote(url.path[len("/stream/") :])])[0]
            self.streams_asked.append(asked)
            await self._stream(asked.split(","), reader, writer)
        else:
            _answer(writer, 404, {"detail": "no such route"})

    def _answer_best(self, writer: asyncio.StreamWriter, name: str) -> None:
        pair = pair_of(normalize_symbol(name))
        rows = [
            {**self.markets[symbol].books_row(), "venue": venue_of(symbol)}
            for symbol in sorted(self.markets, key=lambda symbol: (":" in symbol, symbol))
            if pair_of(symbol) == pair
        ]
        if not rows:
            _answer(writer, 404, {"detail": f"no venue has {pair}"})
            return
        live = [row for row in rows if row["status"] == "live"]
        bids = [{**_place(row), **row["best_bid"]} for row in live if row["best_bid"]]
        asks = [{**_place(row), **row["best_ask"]} for row in live if row["best_ask"]]
        bid = max(bids, key=lambda level: Decimal(level["price"]), default=None)
        ask = min(asks, key=lambda level: Decimal(level["price"]), default=None)
        spread = Decimal(ask["price"]) - Decimal(bid["price"]) if bid and ask else None
        best = {
            "bid": bid,
            "ask": ask,
            "spread": None if spread is None else str(spread),
            "is_crossed": spread is not None and spread <= 0,
        }
        _answer(writer, 200, {"pair": pair, "best": best, "venues": rows})

    async def _stream(
        self, asked: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        known = {normalize_symbol(symbol): symbol for symbol in self.markets}
        if asked == ["*"]:
            symbols = None
        else:
            unknown = [name for name in asked if normalize_symbol(name) not in known]
            if unknown:
                near = suggest_symbols(unknown[0], self.markets)
                _answer(writer, 404, {"detail": f"no symbol {unknown[0]}", "symbols": near})
                return
            symbols = {known[normalize_symbol(name)] for name in asked}
        head = (
            "HTTP/1.1 200 OK",
            "Content-Type: text/event-stream",
            "Connection: close",
            "",
            ": ok",
        )
        writer.write("\r\n".join(head).encode() + b"\n\n")
        follower = _Follower(symbols, writer)
        for market in self.markets.values():
            if follower.follows(market.symbol):
                follower.send_event(market.snapshot(), f"1-{market.seq}")
        self._followers.append(follower)
        await reader.read()
        if follower in self._followers:
            self._followers.remove(follower)


def _place(row: dict[str, Any]) -> dict[str, Any]:
    return {"venue": row["venue"], "symbol": row["symbol"]}


def _answer_file(writer: asyncio.StreamWriter, file: Path) -> None:
    media_type, _ = guess_type(file.name)
    # A visit of a page whose modules the browser has takes half of the CPU.
    kept = "Cache-Control: max-age=3600\r\n"
    _write(writer, 200, media_type or "text/plain", file.read_bytes(), kept)


def _answer(writer: asyncio.StreamWriter, status: int, content: object) -> None:
    _write(writer, status, "application/json", msgspec.json.encode(content))


def _write(
    writer: asyncio.StreamWriter, status: int, media_type: str, body: bytes, headers: str = ""
) -> None:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nConnection: close\r\n{headers}"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
