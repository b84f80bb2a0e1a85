"""A feed of prepared frames, which needs little CPU to play."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from simulator.market.catalogue import Profile, profile_of
from simulator.market.instrument import Level, SimulatedInstrument
from simulator.market.market import Market
from simulator.market.subscriber import FeedSubscriber
from simulator.protocols.kraken.book_frames import book_frame, checksum
from simulator.protocols.kraken.window import visible
from simulator.wire import pack, time_text

_TIME = time_text(0)
# The end of every frame has the same length, so the time can be set when the frame is sent.
_END = f'{_TIME}"}}]}}'.encode()
_AFTER_TIME = _END[len(_TIME) :]
_TICK_SECONDS = 0.001
# The exchange time of frames that are not played: the beginning of 2026.
_FRAMES_BEGIN_US = 1_767_225_600_000_000


class TapeFrame(NamedTuple):
    """A frame that is due `due` seconds after the start; `head` is its part before the time."""

    due: float
    symbol: str
    head: bytes


class Rate(NamedTuple):
    """Updates per second, and for how many seconds."""

    updates: float
    seconds: float


class Tape:
    """A `BookFeed` of the simulator that plays its updates once, to one subscriber of each symbol.

    Args:
        symbols: The symbols; their rates follow the weights of their markets.
        rates: The rates of updates, one after another.
        depth: The depth of all books.
        seed: The seed of the markets.
        profile: The market of a symbol.

    """

    def __init__(
        self,
        symbols: Sequence[str],
        rates: Sequence[Rate],
        *,
        depth: int = 10,
        seed: int = 1,
        profile: Callable[[str], Profile] = profile_of,
    ) -> None:
        self.depth = depth
        self._markets = {symbol: Market(profile(symbol), seed) for symbol in symbols}
        self._snapshots = {
            symbol: head_of("snapshot", market, market.bids.top(depth), market.asks.top(depth))
            for symbol, market in self._markets.items()
        }
        self.updates = list(self._made(rates, random.Random(seed)))
        self.books = {symbol: checksum_of(market) for symbol, market in self._markets.items()}
        """The last checksum of each symbol."""
        self._subscribers: dict[str, FeedSubscriber] = {}
        self._started = asyncio.Event()
        self.started_at = 0.0
        """The start in Unix seconds; the time of a frame is the start plus `due`."""
        self.latest = 0.0
        """The longest delay of a frame, in seconds."""

    def instruments(self) -> Iterable[SimulatedInstrument]:
        """Return the listed pairs."""
        return [market.profile.instrument for market in self._markets.values()]

    def lists(self, symbol: str) -> bool:
        """Return whether the symbol is on the tape."""
        return symbol in self._markets

    def serves(self, symbol: str, depth: int) -> bool:  # noqa: ARG002 - all symbols have the same depth
        """Return whether the symbol is on the tape at this depth."""
        return depth == self.depth

    def subscribe(
        self,
        symbol: str,
        depth: int,  # noqa: ARG002 - there is only one depth
        subscriber: FeedSubscriber,
        snapshot: bool,  # noqa: ARG002 - it is always sent
    ) -> None:
        """Send the snapshot, and the updates that are played from now on."""
        subscriber.push(frame_at(time.time_ns() // 1000, self._snapshots[symbol]))
        self._subscribers[symbol] = subscriber

    def unsubscribe(self, symbol: str, subscriber: FeedSubscriber) -> None:
        """Stop sending the symbol to this subscriber."""
        if self._subscribers.get(symbol) is subscriber:
            del self._subscribers[symbol]

    @property
    def subscribers(self) -> Mapping[str, FeedSubscriber]:
        """The subscriber of each symbol."""
        return self._subscribers

    def frames(self, symbol: str) -> Iterator[bytes]:
        """Yield the frames of a symbol, the snapshot first, as if the tape began in 2026."""
        heads = [(0.0, self._snapshots[symbol])]
        heads += [(update.due, update.head) for update in self.updates if update.symbol == symbol]
        for due, head in heads:
            # A head begins with the WebSocket header.
            yield frame_at(_FRAMES_BEGIN_US + int(due * 1e6), head)[head.index(b'{"') :]

    def start(self, wait: float = 1.0) -> None:
        """Begin to play after `wait` seconds."""
        self.started_at = time.time() + wait
        self._started.set()

    async def run(self) -> None:
        """Play all updates once started, then wait forever."""
        await self._started.wait()
        frames = self.stamped()
        begun = time.monotonic() + self.started_at - time.time()
        due, symbol, frame = next(frames)
        while True:
            elapsed = time.monotonic() - begun
            self.latest = max(self.latest, elapsed - due)
            while due <= elapsed:
                subscriber = self._subscribers.get(symbol)
                if subscriber is not None:
                    subscriber.push(frame)
                try:
                    due, symbol, frame = next(frames)
                except StopIteration:
                    await asyncio.Future()
            await asyncio.sleep(_TICK_SECONDS)

    def stamped(self) -> Iterator[tuple[float, str, bytes]]:
        """Yield the due time, the symbol and the whole frame of each update."""
        start = int(self.started_at * 1e6)
        return iter(
            [
                (due, symbol, frame_at(start + int(due * 1e6), head))
                for due, symbol, head in self.updates
            ]
        )

    def _made(self, rates: Sequence[Rate], rng: random.Random) -> Iterator[TapeFrame]:
        weights = {symbol: market.profile.weight for symbol, market in self._markets.items()}
        symbols, bounds = list(weights), _sums(weights)
        for due in _dues(rates, rng):
            frame = b""
            while not frame:
                (symbol,) = rng.choices(symbols, cum_weights=bounds)
                frame = self._moved(self._markets[symbol])
            yield TapeFrame(due, symbol, frame)

    def _moved(self, market: Market) -> bytes:
        """Return the frame of a market's next move; empty if it is outside the window."""
        depth = self.depth
        worst_bid, worst_ask = market.bids.worst(depth), market.asks.worst(depth)
        market.move()
        bids = self._levels(visible(market.bids, worst_bid, depth))
        asks = self._levels(visible(market.asks, worst_ask, depth))
        return head_of("update", market, bids, asks) if bids or asks else b""

    def _levels(self, changed: list[Level]) -> list[Level]:
        """Return the levels of one side of a frame; a subclass may order them."""
        return changed


def frame_at(us: int, head: bytes) -> bytes:
    """Return the whole frame with this exchange time, in microseconds since 1970."""
    return head + time_text(us).encode() + _AFTER_TIME


def checksum_of(market: Market) -> int:
    """Return Kraken's checksum of a market."""
    return checksum(market.asks.top(10), market.bids.top(10))


def head_of(
    kind: Literal["snapshot", "update"], market: Market, bids: list[Level], asks: list[Level]
) -> bytes:
    """Return a frame of a market with these levels, up to its time."""
    text = book_frame(kind, market.profile.instrument, bids, asks, checksum_of(market), _TIME)
    return pack(text).removesuffix(_END)


def _dues(rates: Sequence[Rate], rng: random.Random) -> Iterator[float]:
    begun = 0.0
    for rate in rates:
        due = begun + rng.expovariate(rate.updates)
        while due < begun + rate.seconds:
            yield due
            due += rng.expovariate(rate.updates)
        begun += rate.seconds


def _sums(weights: Mapping[str, float]) -> list[float]:
    total, sums = 0.0, []
    for weight in weights.values():
        total += weight
        sums.append(total)
    return sums
