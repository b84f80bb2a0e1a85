"""A Kraken server over real websockets; a test can inject frames.

Its markets move in turn at a fixed rate, so that every symbol has updates. All frames are valid
except those that a test injects. The server shares no code with the library or the simulator.

    with ScriptedKraken(("BTC/USD", "ETH/USD")) as kraken:
        collector = stage.collector(redis.url, kraken.url, KRAKEN_SYMBOLS="BTC/USD,ETH/USD")
        kraken.send_wrong_checksum("BTC/USD")
"""

from __future__ import annotations

import json
import random
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

DEPTH = 10
PRICE_PRECISION = 2
QTY_PRECISION = 8

Level = tuple[int, int]
"""A price in ticks and a quantity in lots."""


class KrakenRequest(NamedTuple):
    """A request of a client, with the number of its connection, from 1."""

    connection: int
    method: str
    channel: str
    symbols: tuple[str, ...]


class KrakenMarket:
    """A symbol's whole book: ten levels on each side."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._random = random.Random(symbol)
        middle = self._random.randrange(100_000, 900_000)
        self.bids = {middle - 5 * step: self._lots() for step in range(1, DEPTH + 1)}
        self.asks = {middle + 5 * step: self._lots() for step in range(1, DEPTH + 1)}

    def move(self) -> tuple[list[Level], list[Level]]:
        """Change one or two levels of a side; return the changed bids and asks."""
        bids_change = self._random.random() < 0.5
        side, outwards = (self.bids, -5) if bids_change else (self.asks, 5)
        price = self._random.choice(list(side))
        levels = [(price, self._lots())]
        # Sometimes a level is removed, and a new one is added behind the last.
        if self._random.random() < 0.2 and price != self._best(side, outwards):
            entered = max(side, key=lambda each: each * outwards) + outwards
            levels = [(price, 0), (entered, self._lots())]
        for changed, lots in levels:
            side[changed] = lots
            if not lots:
                del side[changed]
        return (levels, []) if bids_change else ([], levels)

    def checksum(self) -> int:
        """Return Kraken's checksum of the book."""
        return checksum(self.bids, self.asks)

    def sorted_bids(self) -> list[Level]:
        """Return the bids, best first."""
        return sorted(self.bids.items(), reverse=True)

    def sorted_asks(self) -> list[Level]:
        """Return the asks, best first."""
        return sorted(self.asks.items())

    def _best(self, side: dict[int, int], outwards: int) -> int:
        return min(side, key=lambda each: each * outwards)

    def _lots(self) -> int:
        return self._random.randrange(1, 10**10)


def checksum(bids: dict[int, int], asks: dict[int, int]) -> int:
    """Return the CRC-32 of the best ten asks, then bids, as ticks and lots in decimal."""
    levels = sorted(asks.items())[:10] + sorted(bids.items(), reverse=True)[:10]
    return zlib.crc32("".join(f"{ticks}{lots}" for ticks, lots in levels).encode())


def decimal(units: int, precision: int) -> str:
    """Return units of 10**-precision as a text with all decimals."""
    digits = str(units).rjust(precision + 1, "0")
    return f"{digits[:-precision]}.{digits[-precision:]}"


def level_text(level: Level) -> str:
    """Return a level as the text in a frame."""
    price, qty = decimal(level[0], PRICE_PRECISION), decimal(level[1], QTY_PRECISION)
    return f'{{"price":{price},"qty":{qty}}}'


def book_frame(
    kind: str, symbol: str, bids: Iterable[str], asks: Iterable[str], check: object
) -> str:
    """Return a frame of the book channel with these texts of levels."""
    timestamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}",'
        f'"bids":[{",".join(bids)}],"asks":[{",".join(asks)}],'
        f'"checksum":{check},"timestamp":"{timestamp}"}}]}}'
    )


def update_frame(symbol: str, bids: Sequence[Level], asks: Sequence[Level], check: int) -> str:
    """Return an update with these levels."""
    return book_frame("update", symbol, map(level_text, bids), map(level_text, asks), check)


def snapshot_frame(market: KrakenMarket) -> str:
    """Return a snapshot of the market."""
    bids, asks = map(level_text, market.sorted_bids()), map(level_text, market.sorted_asks())
    return book_frame("snapshot", market.symbol, bids, asks, market.checksum())


@dataclass
class _Client:
    number: int
    socket: ServerConnection
    symbols: set[str] = field(default_factory=set)
    silent: bool = False

    def send(self, frame: str | bytes) -> None:
        if not self.silent:
            try:
                self.socket.send(frame)
            except ConnectionClosed:
                self.symbols.clear()


class ScriptedKraken:
    """A server on a free port.

    Args:
        symbols: The symbols of the markets.
        pace: The updates per second of each market.
        tls: A server-side context for `wss`; None for `ws`.

    """

    def __init__(
        self, symbols: Sequence[str], pace: float = 40.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self.markets = {symbol: KrakenMarket(symbol) for symbol in symbols}
        self._interval = 1 / (pace * len(symbols))
        self._lock = threading.RLock()
        self._clients: list[_Client] = []
        self._asked: list[KrakenRequest] = []
        self._connections = 0
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self._server = serve(
            self._serve, "127.0.0.1", 0, ssl=self._tls, compression=None, ping_interval=None
        )
        for work in (self._server.serve_forever, self._move_markets, self._beat):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        assert self._server is not None
        self._server.shutdown()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.socket.close_socket()
        for thread in self._threads:
            thread.join(5)

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        assert self._server is not None
        port: int = self._server.socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/v2"

    @property
    def connections(self) -> int:
        """The number of connections since the start."""
        return self._connections

    def asked(self, since: int = 0) -> list[KrakenRequest]:
        """Return the requests of the book channel, without the first `since`."""
        with self._lock:
            return [each for each in self._asked if each.channel == "book"][since:]

    def send(self, frame: str | bytes) -> None:
        """Send a frame to all clients."""
        with self._lock:
            for client in self._clients:
                client.send(frame)

    def fall_silent(self) -> None:
        """Send nothing more on the open connections, not even heartbeats and answers."""
        with self._lock:
            for client in self._clients:
                client.silent = True

    def send_update(self, symbol: str, make: Callable[[KrakenMarket], str]) -> None:
        """Send the symbol's followers a frame that `make` returns for its market."""
        with self._lock:
            frame = make(self.markets[symbol])
            for client in self._clients:
                if symbol in client.symbols:
                    client.send(frame)

    def _serve(self, socket: ServerConnection) -> None:
        with self._lock:
            self._connections += 1
            client = _Client(self._connections, socket)
            self._clients.append(client)
            client.send(
                '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",'
                f'"api_version":"v2","connection_id":{2**63 + client.number}}}]}}'
            )
        try:
            for message in socket:
                with self._lock:
                    self._answer(client, json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                self._clients.remove(client)

    def _answer(self, client: _Client, request: dict[str, Any]) -> None:
        method, params = request["method"], request["params"]
        channel, symbols = params["channel"], tuple(params.get("symbol", ()))
        self._asked.append(KrakenRequest(client.number, method, channel, symbols))
        if channel == "instrument":
            client.send(_ack(request, {"channel": "instrument", "snapshot": True}))
            client.send(self._instruments())
            return
        for symbol in symbols:
            self._answer_for(client, request, symbol)

    def _answer_for(self, client: _Client, request: dict[str, Any], symbol: str) -> None:
        if symbol not in self.markets:
            client.send(_refusal(request, symbol, f"Currency pair not supported {symbol}"))
        elif request["method"] == "unsubscribe":
            client.symbols.discard(symbol)
            client.send(_ack(request, {"channel": "book", "depth": DEPTH, "symbol": symbol}))
        elif symbol in client.symbols:
            client.send(_refusal(request, symbol, "Already subscribed"))
        else:
            result = {"channel": "book", "depth": DEPTH, "snapshot": True, "symbol": symbol}
            client.send(_ack(request, result))
            client.send(snapshot_frame(self.markets[symbol]))
            client.symbols.add(symbol)

    def _instruments(self) -> str:
        pairs = [
            {
                "symbol": symbol,
                "status": "online",
                "price_precision": PRICE_PRECISION,
                "qty_precision": QTY_PRECISION,
            }
            for symbol in self.markets
        ]
        data = {"assets": [], "pairs": pairs}
        return json.dumps({"channel": "instrument", "type": "snapshot", "data": data})

    def _move_markets(self) -> None:
        while True:
            for symbol, market in self.markets.items():
                if self._ended.wait(self._interval):
                    return
                with self._lock:
                    bids, asks = market.move()
                    frame = update_frame(symbol, bids, asks, market.checksum())
                    for client in self._clients:
                        if symbol in client.symbols:
                            client.send(frame)

    def _beat(self) -> None:
        while not self._ended.wait(1.0):
            self.send('{"channel":"heartbeat"}')


def _ack(request: dict[str, Any], result: dict[str, Any]) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    return json.dumps(
        {
            "method": request["method"],
            "req_id": request.get("req_id"),
            "result": result,
            "success": True,
            "time_in": now,
            "time_out": now,
        }
    )


def _refusal(request: dict[str, Any], symbol: str, error: str) -> str:
    return json.dumps(
        {
            "error": error,
            "method": request["method"],
            "req_id": request.get("req_id"),
            "success": False,
            "symbol": symbol,
        }
    )
