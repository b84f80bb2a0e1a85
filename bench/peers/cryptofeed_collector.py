"""cryptofeed's Kraken feed, checksums on, into its own Redis stream backend.

    .venv-peers/bin/python bench/peers/cryptofeed_collector.py ws://127.0.0.1:1234 6379 BTC/USD

It runs with cryptofeed 2.4, which speaks Kraken's v1, and with 3.0, which speaks v2. cryptofeed is
unchanged. It is only given the pairs, which it would request from Kraken, and the address of the
feed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.backends.redis import BookStream
from cryptofeed.connection import WebsocketEndpoint
from cryptofeed.defines import L2_BOOK
from cryptofeed.exchanges import Kraken
from cryptofeed.symbols import Symbols

SPEAKS_V1 = version("cryptofeed").startswith("2.")


class KrakenElsewhere(Kraken):  # type: ignore[misc]  # cryptofeed is not in the venv of the checks
    """Kraken's feed at another address, without TLS, as for our collector in the same run."""

    if SPEAKS_V1:
        websocket_endpoints = [
            WebsocketEndpoint(each.address, limit=each.limit, authentication=True)
            for each in Kraken.websocket_endpoints
        ]
    elsewhere = ""

    async def _ws_authentication(self, address: str, options: Any) -> tuple[str, Any]:  # noqa: ARG002
        # 2.4 accepts only `wss` addresses, but connects to the one that this returns.
        return self.elsewhere, options

    def _wrap_connection(self, conn: Any) -> Any:
        # 3.0 accepts only `wss` addresses too, and passes each connection here before it opens.
        conn.address = self.elsewhere
        return conn


def main(url: str, redis_port: int, pairs: Sequence[str]) -> None:
    """Follow these pairs until SIGTERM."""
    names = {pair.replace("/", "-"): pair for pair in pairs}
    Symbols.set(Kraken.id, names, {"instrument_type": dict.fromkeys(names, "spot")})
    KrakenElsewhere.elsewhere = url
    handler = FeedHandler(config={"log": {"filename": "cryptofeed.log", "level": "WARNING"}})
    handler.add_feed(
        KrakenElsewhere(
            symbols=list(names),
            channels=[L2_BOOK],
            callbacks={L2_BOOK: BookStream(host="127.0.0.1", port=redis_port)},
            max_depth=10,
            checksum_validation=True,
        )
    )
    handler.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
