"""A venue besides Kraken whose clients get recorded connections, frame by frame."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from runtime.logs import get_logger
from simulator.faults.kinds import Fault, FaultError, OfEveryConnection, OfMarket, OfRest, kinds_of
from simulator.market.exchange import Exchange
from simulator.protocols.binance.protocol import SimulatedBinance
from simulator.protocols.bitfinex.protocol import SimulatedBitfinex
from simulator.protocols.coinbase.protocol import SimulatedCoinbase
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.request_log import RequestSummary
from simulator.protocols.rest import RestAnswer, RestCall, json_answer
from simulator.protocols.venue import ClientLink, SimulatedVenue
from simulator.recording.connections import RecordedConnection, read_connections
from simulator.recording.lines import RecordingError, recorded_files
from simulator.recording.replayed_session import ConnectionPlan, ReplayedSession

log = get_logger("simulator.recording")

_SNAPSHOT = ".snapshot.json"


class _Decimals:
    """The most decimals of the prices and quantities of one pair."""

    def __init__(self) -> None:
        self.price = self.qty = 0

    def note(self, price: str, qty: str) -> None:
        self.price = max(self.price, _decimals(price))
        self.qty = max(self.qty, _decimals(qty))


class ReplayedVenue(SimulatedVenue):
    """A venue that serves recorded connections, byte for byte.

    Its REST lists the recorded pairs, with the precisions of the recorded numbers.

    Args:
        connections: The recorded connections.
        speed: The factor of the recorded pace.
        loop: Whether a connection is closed at its end, so that its client begins again.

    Raises:
        RecordingError: The frames have no book of this venue.

    """

    faults: ClassVar[frozenset[type[Fault]]] = (
        kinds_of(OfMarket) | kinds_of(OfEveryConnection) | kinds_of(OfRest)
    )

    def __init__(
        self, connections: list[RecordedConnection], *, speed: float = 1.0, loop: bool = False
    ) -> None:
        super().__init__()
        self._decimals: dict[str, _Decimals] = {}
        names = [self._note_all(connection) for connection in connections]
        if not self._decimals:
            raise RecordingError(f"no book of {self.name} found")
        self._plan = ConnectionPlan(connections, names, speed=speed, loop=loop)
        self._listed = self._venue_of(MarketOptions(tuple(self._decimals), rate=0.0))
        for name, decimals in self._decimals.items():
            listing = self._listed.exchange.listing(self._listed.symbol_of(name))
            listing.instrument = replace(
                listing.instrument, price_precision=decimals.price, qty_precision=decimals.qty
            )

    @property
    def exchange(self) -> Exchange[Any]:
        """Raise FaultError: there are no markets."""
        raise FaultError(
            "a recording is replayed: /books and faults of a symbol require the synthetic"
            " markets, so start without --replay"
        )

    def open_session(self, link: ClientLink, number: int, path: str) -> ReplayedSession:  # noqa: ARG002
        """Return the session of a new connection."""
        return ReplayedSession(self._plan, link, self.asked_names, self.names_in_path(path))

    async def run(self) -> None:
        """Wait until cancelled; each session has a task."""
        await asyncio.Event().wait()

    def summarize(self, message: str | bytes) -> RequestSummary:
        """Return what the log keeps of a client's message."""
        return self._listed.summarize(message)

    def answer(self, call: RestCall) -> RestAnswer | None:
        """Return the answer to a REST request, or None if there is no such path."""
        return self._listed.answer(call)

    def failed(self, status: int, retry_after: float | None) -> RestAnswer:
        """Return the answer to a REST request that a fault refuses."""
        return self._listed.failed(status, retry_after)

    @abstractmethod
    def note_frame(self, content: Any) -> str | None:
        """Note the numbers of a decoded frame; return the pair of its book, or None."""

    @abstractmethod
    def _venue_of(self, options: MarketOptions) -> SimulatedVenue:
        """Return the venue whose REST lists the pairs."""

    def asked_names(self, message: str | bytes) -> frozenset[str]:
        """Return the pairs in a subscription; none for another message."""
        summary = self.summarize(message)
        is_subscription = (summary.method or "").lower() == "subscribe"
        return frozenset(map(self.name_in_request, summary.symbols if is_subscription else ()))

    def name_in_request(self, text: str) -> str:
        """Return the pair as frames name it."""
        return text

    def names_in_path(self, path: str) -> frozenset[str]:  # noqa: ARG002 - only Binance has some
        """Return the pairs to which a handshake subscribes."""
        return frozenset()

    def note_numbers(self, name: str, levels: Iterable[tuple[str, str]]) -> None:
        """Note prices and quantities of a pair."""
        decimals = self._decimals.setdefault(name, _Decimals())
        for price, qty in levels:
            decimals.note(price, qty)

    def _note_all(self, connection: RecordedConnection) -> frozenset[str]:
        names = set()
        for frame in connection.frames:
            try:
                content = msgspec.json.decode(frame.text)
                names.add(self.note_frame(content))
            except (msgspec.MsgspecError, LookupError, TypeError, AttributeError):
                # What the venue sent is played, even if it is nonsense.
                continue
        return frozenset(name for name in names if name is not None)


class ReplayedCoinbase(ReplayedVenue):
    """Recorded connections of Coinbase; the arguments are those of `ReplayedVenue`."""

    name = "coinbase"
    path = ""
    first_subscription_seconds = 5.0

    def note_frame(self, content: Any) -> str | None:
        """Note the numbers of a frame; return its product, or None."""
        name = None
        for event in content["events"] if content["channel"] == "l2_data" else ():
            name = event["product_id"]
            updates = event["updates"]
            self.note_numbers(name, ((it["price_level"], it["new_quantity"]) for it in updates))
        return name

    def _venue_of(self, options: MarketOptions) -> SimulatedVenue:
        return SimulatedCoinbase(options)

    def answer(self, call: RestCall) -> RestAnswer | None:
        """Return the answer to a REST request; the book in REST was not recorded."""
        if call.path.endswith("/product_book"):
            return json_answer({"error": "NOT_FOUND", "message": "it was not recorded"}, 404)
        return super().answer(call)


class ReplayedBinance(ReplayedVenue):
    """Recorded connections of Binance.

    Args:
        connections: The recorded connections.
        snapshots: The bodies of `/api/v3/depth` by the name of their file, which has the symbol.
        speed: The factor of the recorded pace.
        loop: Whether a connection is closed at its end, so that its client begins again.

    """

    name = "binance"
    path = "/ws"
    ping_seconds = 20.0
    pong_seconds = 60.0
    ban_status = 418

    def __init__(
        self,
        connections: list[RecordedConnection],
        snapshots: Mapping[str, bytes],
        *,
        speed: float = 1.0,
        loop: bool = False,
    ) -> None:
        self._files = snapshots
        self._snapshots: dict[str, bytes] = {}
        super().__init__(connections, speed=speed, loop=loop)
        if missing := [name for name in self._decimals if name not in self._snapshots]:
            log.warning("books without snapshot beside the tape", symbols=missing)

    def note_frame(self, content: Any) -> str | None:
        """Note the numbers of a raw or combined frame; return its symbol, or None."""
        diff = content.get("data", content)
        if diff["e"] != "depthUpdate":
            return None
        name: str = diff["s"]
        # The padding tells nothing about the tick.
        levels = ((_unpadded(price), _unpadded(qty)) for price, qty in diff["b"] + diff["a"])
        self.note_numbers(name, levels)
        return name

    def _venue_of(self, options: MarketOptions) -> SimulatedVenue:
        for name in self._decimals:
            for file, body in self._files.items():
                if name.lower() in file.lower().split("-"):
                    self._snapshots[name] = body
                    book = msgspec.json.decode(body, type=_Book)
                    levels = book.bids + book.asks
                    self.note_numbers(name, ((_unpadded(p), _unpadded(q)) for p, q in levels))
        return SimulatedBinance(options)

    def name_in_request(self, text: str) -> str:
        """Return the symbol of a stream."""
        return text.partition("@")[0].upper()

    def names_in_path(self, path: str) -> frozenset[str]:
        """Return the symbols of the streams in a URL."""
        return frozenset(
            self.name_in_request(part)
            for part in path.replace("=", "/").replace("&", "/").split("/")
            if "@" in part
        )

    def answer(self, call: RestCall) -> RestAnswer | None:
        """Return the answer to a REST request; the book is the recorded snapshot."""
        answer = super().answer(call)
        if call.path != "/api/v3/depth" or answer is None or answer.status != 200:
            return answer
        body = self._snapshots.get(call.query.get("symbol", ""))
        if body is None:
            return json_answer({"code": -1000, "msg": "it was not recorded"}, 503)
        return answer._replace(body=body)


class ReplayedBitfinex(ReplayedVenue):
    """Recorded connections of Bitfinex; the arguments are those of `ReplayedVenue`."""

    name = "bitfinex"
    path = "/ws/2"
    closes_in_maintenance = False

    def note_frame(self, content: Any) -> str | None:
        """Return the pair of an acknowledgement of a book, or None."""
        if content["event"] != "subscribed" or content["channel"] != "book":
            return None
        name: str = content["symbol"]
        self.note_numbers(name, ())
        return name

    def _venue_of(self, options: MarketOptions) -> SimulatedVenue:
        return SimulatedBitfinex(options)

    def answer(self, call: RestCall) -> RestAnswer | None:
        """Return the answer to a REST request; the book in REST was not recorded."""
        if call.path.startswith("/v2/book/"):
            return json_answer(["error", 10020, "it was not recorded"], 500)
        return super().answer(call)


REPLAYED = ("binance", "bitfinex", "coinbase")
"""The venues besides Kraken whose recordings can be served."""


def open_replayed_venue(name: str, path: Path, *, speed: float, loop: bool) -> SimulatedVenue:
    """Return a venue that replays a recording; OSError if a file cannot be read.

    Args:
        name: The name of the venue.
        path: A tape, a folder of tapes, or a file of one frame per line.
        speed: The factor of the recorded pace.
        loop: Whether connections are closed at their end.

    Returns:
        The venue.

    Raises:
        RecordingError: The content is wrong, or the venue is another or has no replay.
    """
    if name not in REPLAYED:
        raise RecordingError(f"those of {name} cannot be served, only of {', '.join(REPLAYED)}")
    connections = read_connections(path)
    try:
        match name:
            case "coinbase":
                return ReplayedCoinbase(connections, speed=speed, loop=loop)
            case "bitfinex":
                return ReplayedBitfinex(connections, speed=speed, loop=loop)
            case _:
                return ReplayedBinance(connections, _snapshots(path), speed=speed, loop=loop)
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from error


class _SnapshotFile(msgspec.Struct):
    body: msgspec.Raw = msgspec.Raw(b"")


class _Book(msgspec.Struct):
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


def _snapshots(path: Path) -> dict[str, bytes]:
    """Return the bodies of the files `…-btcusdt.snapshot.json` beside the tapes, by their names."""
    found = {}
    for folder in dict.fromkeys(file.parent for file in recorded_files(path)):
        for file in sorted(folder.glob(f"*{_SNAPSHOT}")):
            content = file.read_bytes()
            try:
                body = bytes(msgspec.json.decode(content, type=_SnapshotFile).body) or content
                msgspec.json.decode(body, type=_Book)
            except msgspec.MsgspecError as error:
                raise RecordingError(f"{file}: {error}") from error
            found[file.name.removesuffix(_SNAPSHOT)] = body
    return found


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _unpadded(text: str) -> str:
    return text.rstrip("0") if "." in text else text
