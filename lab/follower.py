"""A reader of books that shares no code with the library: it believes nothing that it is told.

It follows streams over HTTP, or a dump of one in Redis, rebuilds each book from its events and
holds every promise of the contract against them. As a process it follows many symbols at once:

    python -m lab.follower http://127.0.0.1:3000 BTC/USD ETH/USD

It prints `joined` once every stream has begun, takes one line of JSON on its standard input that
says at which seq each symbol ends, reads on until there, and prints what it counted as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import socket
import sys
import threading
import time
import zlib
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlsplit

# The api sends a comment every 15 s.
SILENCE_LIMIT = 40.0


class BrokenPromiseError(AssertionError):
    """An event that the contract rules out, or a book that is not the one of its checksum."""


def require(holds: bool, what: str, event: object) -> None:
    """Raise BrokenPromiseError unless it holds."""
    if not holds:
        raise BrokenPromiseError(f"{what}: {json.dumps(event)[:1500]}")


def units(text: str, precision: int) -> int:
    """The integer of a decimal text, which must have exactly so many decimals."""
    head, _, decimals = text.partition(".")
    if len(decimals) != precision or not (head + decimals).isdigit():
        raise BrokenPromiseError(f"{text!r} is no decimal of precision {precision}")
    return int(head + decimals)


class Side:
    """One side of a book: prices in ticks, kept in order; `sign` is 1 for asks and -1 for bids."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[int] = []
        self._levels: dict[int, tuple[str, str, str]] = {}

    def apply(self, levels: list[list[str]], precision: tuple[int, int], depth: int) -> None:
        """Take an event's levels in their order, then truncate."""
        for price, qty in levels:
            ticks, lots = units(price, precision[0]), units(qty, precision[1])
            key = ticks * self._sign
            if lots and key not in self._levels:
                insort(self._keys, key)
            if lots:
                self._levels[key] = (price, qty, f"{ticks}{lots}")
            elif self._levels.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
        for key in self._keys[depth:]:
            del self._levels[key]
        del self._keys[depth:]

    def rows(self) -> list[list[str]]:
        """The levels, best first, as price and quantity."""
        return [list(self._levels[key][:2]) for key in self._keys]

    def best(self) -> dict[str, str] | None:
        """The best level as events tell it."""
        if not self._keys:
            return None
        price, qty, _ = self._levels[self._keys[0]]
        return {"price": price, "qty": qty}

    def best_ticks(self) -> int | None:
        """The best price in ticks."""
        return self._keys[0] * self._sign if self._keys else None

    def checksum_text(self) -> str:
        """What the side adds to the text of the checksum."""
        return "".join([self._levels[key][2] for key in self._keys[:10]])


@dataclass
class Counts:
    """What a ladder has seen."""

    events: int = 0
    updates: int = 0
    snapshots: int = 0
    statuses: int = 0
    unnumbered: int = 0
    verified: int = 0
    lagged: int = 0
    conflated: int = 0
    jumps: int = 0


class Place(NamedTuple):
    """Where an event stands."""

    epoch: int
    seq: int


class Ladder:
    """One symbol's book, rebuilt from its events; each is checked before it counts."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.place: Place | None = None
        self.status: str | None = None
        self.own_status: str | None = None
        self.counts = Counts()
        self.checksum: int | None = None
        self.depth = 0
        self._precision = (0, 0)
        self._bids, self._asks = Side(-1), Side(1)
        self._usable = False
        self._lagged = False

    @property
    def bids(self) -> list[list[str]]:
        """The bids, best first."""
        return self._bids.rows()

    @property
    def asks(self) -> list[list[str]]:
        """The asks, best first."""
        return self._asks.rows()

    @property
    def awaits_snapshot(self) -> bool:
        """Whether it was told that it missed events, and has no snapshot since."""
        return self._lagged

    @property
    def seq(self) -> int:
        """The seq of the last numbered event."""
        return self.place.seq if self.place else 0

    def take(self, event: dict[str, Any]) -> None:
        """Take the next event; raises BrokenPromiseError."""
        self.counts.events += 1
        require(event["symbol"] == self.symbol, f"an event of another symbol than {self}", event)
        kind = event["kind"]
        if kind == "lagged":
            self.counts.lagged += 1
            self._lagged, self._usable = True, False
        elif event["seq"] is None:
            require(kind == "status" and event["epoch"] is None, "an event without number", event)
            self.counts.unnumbered += 1
            self.own_status = event["status"]
        else:
            self._take_numbered(kind, event)

    def _take_numbered(self, kind: str, event: dict[str, Any]) -> None:
        place, last = Place(event["epoch"], event["seq"]), self.place
        if last is not None and not self._lagged:
            require(place > last, f"after {last} comes an event that is not newer", event)
            require(place.seq > last.seq, f"after {last} the seq does not rise", event)
        if kind == "snapshot":
            self._take_snapshot(event, place)
        elif kind == "update":
            self._take_update(event, place)
        elif kind == "status":
            self._take_status(event, place)
        else:
            require(False, "an event of no known kind", event)
        self.place = place

    def _take_snapshot(self, event: dict[str, Any], place: Place) -> None:
        last = self.place
        if last is not None and not self._lagged:
            jumped, conflated = place.seq - last.seq - 1, event["conflated"]
            self.counts.jumps += jumped > 0
            if conflated is not None:
                require(conflated == jumped, f"conflated is not the jump from {last}", event)
                self.counts.conflated += conflated
        self.counts.snapshots += 1
        self._lagged, self._usable = False, True
        self._precision = (event["price_precision"], event["qty_precision"])
        self.depth = event["depth"]
        self._bids, self._asks = Side(-1), Side(1)
        self._apply(event)

    def _take_update(self, event: dict[str, Any], place: Place) -> None:
        require(self._usable, "an update of a book that no snapshot has begun", event)
        last = self.place
        assert last is not None
        require(place.epoch == last.epoch, f"after {last} an update opens an epoch", event)
        require(place.seq == last.seq + 1, f"after {last} an update jumps", event)
        self.counts.updates += 1
        self._apply(event)

    def _take_status(self, event: dict[str, Any], place: Place) -> None:
        last = self.place
        if last is not None and not self._lagged and place.epoch == last.epoch:
            require(place.seq == last.seq + 1, f"after {last} a status jumps", event)
        self.counts.statuses += 1
        self.status = event["status"]
        self._usable = self._usable and self.status == "live"

    def _apply(self, event: dict[str, Any]) -> None:
        self._bids.apply(event["bids"], self._precision, self.depth)
        self._asks.apply(event["asks"], self._precision, self.depth)
        text = self._asks.checksum_text() + self._bids.checksum_text()
        found = zlib.crc32(text.encode())
        require(found == event["checksum"], f"the book has the checksum {found}", event)
        bid, ask = self._bids.best_ticks(), self._asks.best_ticks()
        if bid is not None and ask is not None:
            require(bid < ask, "the book is crossed", event)
            spread = units(event["spread"], self._precision[0])
            require(spread == ask - bid, "the spread is another", event)
        else:
            require(event["spread"] is None, "a spread with a side empty", event)
        require(event["best_bid"] == self._bids.best(), "the best bid is another", event)
        require(event["best_ask"] == self._asks.best(), "the best ask is another", event)
        self.checksum = event["checksum"]
        self.counts.verified += 1

    def __str__(self) -> str:
        return self.symbol


def ladder_of_dump(symbol: str, entries: list[tuple[str, dict[str, str]]]) -> Ladder:
    """The ladder that a stream in Redis leads to; checks the entries' own fields too."""
    ladder = Ladder(symbol)
    milliseconds = 0
    for entry_id, fields in entries:
        event = json.loads(fields["data"])
        for name in ("kind", "seq", "epoch"):
            require(str(event[name]) == fields[name], f"the field {name} of an entry", fields)
        ms, _, seq = entry_id.partition("-")
        require(int(seq) == event["seq"], f"the id {entry_id} tells another seq", event)
        require(int(ms) >= milliseconds, f"the id {entry_id} goes back in time", event)
        milliseconds = int(ms)
        ladder.take(event)
    return ladder


@dataclass
class Message:
    """One block of a stream: an event, or a comment, or the word to come back."""

    id: str | None = None
    data: list[str] = field(default_factory=list)
    retry: int | None = None
    comments: list[str] = field(default_factory=list)

    @property
    def event(self) -> dict[str, Any]:
        """The event in `data`."""
        event: dict[str, Any] = json.loads("\n".join(self.data))
        return event


class StreamRefusedError(Exception):
    """The api answered otherwise than with a stream."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"{status}: {body[:500]!r}")
        self.status = status
        self.headers = headers
        self.body = body


class SseStream:
    """One open stream; reading blocks, at most so many seconds at a time.

    Raises StreamRefusedError where it is not opened, OSError where nobody is there.
    """

    def __init__(
        self,
        url: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        limit: float = SILENCE_LIMIT,
    ) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=limit)
        try:
            self._connection.request("GET", path, headers=dict(headers or {}))
            self._response = self._connection.getresponse()
            self.headers = dict(self._response.getheaders())
        except BaseException:
            self._connection.close()
            raise
        if self._response.status != 200:
            body = self._response.read()
            self._connection.close()
            raise StreamRefusedError(self._response.status, self.headers, body)
        self._buffer = b""
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def let_go(self) -> None:
        """End the stream for who reads it in another thread, which must end before it is closed."""
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave, as a client that is closed does."""
        self.let_go()
        self._response.close()
        self._connection.close()

    def messages(self) -> Iterator[Message]:
        """All blocks until the stream ends."""
        while (message := self.next()) is not None:
            yield message

    def events(self) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """All events until the stream ends, each with its id."""
        for message in self.messages():
            if message.data:
                yield message.id, message.event

    def next(self) -> Message | None:
        """The next block, None where the stream has ended."""
        while b"\n\n" not in self._buffer:
            if self._ended:
                return None
            read = self._response.read1(65536)
            self._ended = not read
            self._buffer += read
        block, _, self._buffer = self._buffer.partition(b"\n\n")
        return _message(block.decode())


def _message(block: str) -> Message:
    message = Message()
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            message.id = value
        elif name == "data":
            message.data.append(value)
        elif name == "retry":
            message.retry = int(value)
        elif name == "":
            message.comments.append(value)
        else:
            raise BrokenPromiseError(f"a line that no plain onmessage understands: {line!r}")
    return message


def stream_path(symbol: str) -> str:
    """The path of a symbol's stream, as the seed's curl writes it."""
    return f"/stream/{quote(symbol, safe='')}"


class Follower(threading.Thread):
    """Follows one symbol's stream as long as it goes; keeps what went wrong."""

    def __init__(self, url: str, symbol: str, deadline: float) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._deadline = deadline
        self.ladder = Ladder(symbol)
        self.joined = threading.Event()
        self.error: str | None = None
        self.first_seq = 0

    def run(self) -> None:
        """Read until the stream or the process ends."""
        try:
            # One that opened before the collector told of the symbol may end without an event.
            while not self.joined.is_set():
                with self._open() as stream:
                    self._read(stream)
            self.error = "the stream ended"
        except Exception as error:  # noqa: BLE001 - it is told, whatever it is
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self.joined.set()

    def _open(self) -> SseStream:
        while True:
            try:
                return SseStream(self._url, stream_path(self.ladder.symbol))
            except StreamRefusedError as refused:
                # The collector has not told the symbol yet.
                if refused.status not in (404, 503) or time.monotonic() > self._deadline:
                    raise
                time.sleep(0.05)

    def _read(self, stream: SseStream) -> None:
        for event_id, event in stream.events():
            self.ladder.take(event)
            if event_id is not None:
                seq = event_id.partition("-")[2]
                require(int(seq) == event["seq"], f"the id {event_id}", event)
            if not self.joined.is_set() and self.ladder.counts.verified:
                self.first_seq = self.ladder.seq
                self.joined.set()

    def is_done(self, end: int) -> bool:
        """Whether it has come to `end`, or never will."""
        return self.error is not None or self.ladder.seq >= end

    def summary(self) -> dict[str, Any]:
        """What it counted."""
        ladder = self.ladder
        return {
            "seq": ladder.seq,
            "first_seq": self.first_seq,
            "checksum": ladder.checksum,
            "bids": ladder.bids,
            "asks": ladder.asks,
            "error": self.error,
            **vars(ladder.counts),
        }


def main() -> None:
    """Follow the symbols of the command line."""
    parser = argparse.ArgumentParser(description="Follow streams and verify every event.")
    parser.add_argument("url")
    parser.add_argument("symbols", nargs="+")
    parser.add_argument("--limit", type=float, default=100.0, help="seconds until it gives up")
    options = parser.parse_args()
    deadline = time.monotonic() + options.limit
    followers = [Follower(options.url, symbol, deadline) for symbol in options.symbols]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.joined.wait(options.limit)
    print("joined", flush=True)
    ends: dict[str, int] = json.loads(sys.stdin.readline())
    while time.monotonic() < deadline:
        if all(follower.is_done(ends[follower.ladder.symbol]) for follower in followers):
            break
        time.sleep(0.05)
    print(json.dumps({each.ladder.symbol: each.summary() for each in followers}), flush=True)


if __name__ == "__main__":
    main()
