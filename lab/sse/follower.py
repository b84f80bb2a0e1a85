"""Follow many symbols in a separate process, and check each with a `Ladder`.

    python -m lab.sse.follower http://127.0.0.1:3000 BTC/USD ETH/USD

The program prints `joined` when every stream has sent a book. Then it reads one line of JSON from
standard input, an object of the last seq by symbol, reads every stream up to that seq, and prints
its counts as JSON. It is an independent witness: it shares no code with the product, except for its
command line.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from lab.ladder import Ladder, require
from lab.sse.stream import SseStream, StreamRefusedError, stream_path
from runtime.command_line import ENDED_OR_FAILED, OneLineParser


class Follower(threading.Thread):
    """A thread that follows one symbol's stream; `error` is the error that ended it, if any."""

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
            # A stream that opens before the collector has published the symbol may end empty.
            while not self.joined.is_set():
                with self._open() as stream:
                    self._read(stream)
            self.error = "the stream ended"
        except Exception as error:  # noqa: BLE001 - reported in `error`
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self.joined.set()

    def _open(self) -> SseStream:
        while True:
            try:
                return SseStream(self._url, stream_path(self.ladder.symbol))
            except StreamRefusedError as refused:
                # The collector may not have published the symbol yet.
                if refused.status not in (404, 503) or time.monotonic() > self._deadline:
                    raise
                time.sleep(0.05)

    def _read(self, stream: SseStream) -> None:
        for event_id, event in stream.events():
            self.ladder.take(event)
            if event_id is not None:
                seq = event_id.partition("-")[2]
                require(int(seq) == event["seq"], f"the id {event_id} has another seq", event)
            if not self.joined.is_set() and self.ladder.counts.verified:
                self.first_seq = self.ladder.seq
                self.joined.set()

    def is_done(self, end: int) -> bool:
        """Return whether the follower has reached the seq `end` or has failed."""
        return self.error is not None or self.ladder.seq >= end

    def summary(self) -> dict[str, Any]:
        """Return the ladder's book and counts."""
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
    """Follow the symbols on the command line, and print the counts."""
    parser = OneLineParser(
        "python -m lab.sse.follower",
        "Follows streams and verifies every event, for the program that starts it.",
        ENDED_OR_FAILED,
    )
    add = parser.add_argument
    add("url", metavar="URL", help="the api, such as http://127.0.0.1:3000")
    add("symbols", nargs="+", metavar="SYMBOL", help="such as BTC/USD")
    add("--limit", type=float, default=100.0, help="seconds until the program ends (100)")
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
