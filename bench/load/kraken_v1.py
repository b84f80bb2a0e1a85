"""The book channel of Kraken's older WebSocket protocol, v1, for a peer that speaks only that.

Its frames are made from v2's, with the same levels and checksums.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve

from simulator.faults.active import ActiveFaults
from simulator.market.subscriber import FeedSubscriber
from simulator.send_queue import SendQueue
from simulator.wire import pack

_CHANNEL = 336
# v1 has a time for each level; no reader uses it.
_TIME = "1700000000.123456"


def frame_of(v2_frame: bytes) -> bytes:
    """Return a packed book frame of v2 in the form of v1."""
    text = v2_frame[v2_frame.index(b'{"') :]
    message = json.loads(text, parse_float=str, parse_int=str)
    (book,) = message["data"]
    asks, bids = _levels(book["asks"]), _levels(book["bids"])
    if message["type"] == "snapshot":
        parts: list[dict[str, Any]] = [{"as": asks, "bs": bids}]
    else:
        parts = [{side: levels} for side, levels in (("a", asks), ("b", bids)) if levels]
        # If both sides change, the checksum is in the second part, as Kraken has it.
        parts[-1]["c"] = book["checksum"]
    return pack(_text([_CHANNEL, *parts, "book-10", book["symbol"]]))


def _levels(levels: Iterable[Mapping[str, str]]) -> list[list[str]]:
    last = {level["price"]: level["qty"] for level in levels}
    # One entry for each price, deletions first: cryptofeed truncates its book after each level, not
    # after each frame, so it would drop a level for which the next deletion makes room.
    rows = [[price, qty, _TIME] for price, qty in last.items()]
    return sorted(rows, key=lambda row: float(row[1]) != 0)


def _text(message: object) -> str:
    return json.dumps(message, separators=(",", ":"))


class KrakenV1:
    """A server on a free port; `snapshot` makes the first frame of a pair's book.

    Attributes:
        subscribers: The latest subscriber of each pair.

    """

    def __init__(self, snapshot: Callable[[str], bytes]) -> None:
        self.subscribers: dict[str, FeedSubscriber] = {}
        self._snapshot = snapshot
        self._server: Server | None = None

    async def __aenter__(self) -> KrakenV1:
        self._server = await serve(
            self._serve_client, "127.0.0.1", 0, compression=None, ping_interval=None
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The URL for clients, once the server has started."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve_client(self, connection: ServerConnection) -> None:
        outbox = SendQueue(connection, ActiveFaults())
        async for message in connection:
            request = json.loads(message)
            if request["event"] == "subscribe":
                for pair in request["pair"]:
                    self._subscribe(pair, request["subscription"], outbox)
        outbox.close()

    def _subscribe(self, pair: str, subscription: object, outbox: SendQueue) -> None:
        answer = {
            "event": "subscriptionStatus",
            "status": "subscribed",
            "channelID": _CHANNEL,
            "channelName": "book-10",
            "pair": pair,
            "subscription": subscription,
        }
        outbox.push(pack(_text(answer)))
        outbox.push(self._snapshot(pair))
        self.subscribers[pair] = outbox
