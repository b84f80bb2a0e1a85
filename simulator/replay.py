"""The feed of a recording: each subscription plays its symbol's frames from the first snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from simulator.feed import SNAPSHOT_SECONDS, Subscriber
from simulator.instruments import Instrument
from simulator.recording import Track
from simulator.ticker import TICK_SECONDS
from simulator.wire import pack

_BATCH = 50
"""Frames that are due at once and go out before the loop's other work has its turn."""


class Replay:
    """Recorded books, at the depth at which they were recorded.

    Args:
        tracks: What there is, by symbol.
        speed: How many times as fast as recorded; infinity for as fast as readers take it.
        loop: Whether a track begins again at its end; else its symbol is silent from then on.

    """

    def __init__(self, tracks: Mapping[str, Track], *, speed: float = 1.0, loop: bool = False):
        self._tracks = tracks
        self._frames = {
            symbol: [(seconds / speed, pack(text)) for seconds, text in track.frames]
            for symbol, track in tracks.items()
        }
        self._loop = loop
        self._players: dict[tuple[Subscriber, str], asyncio.Task[None]] = {}

    def instruments(self) -> Iterable[Instrument]:
        """What was recorded."""
        return [track.instrument for track in self._tracks.values()]

    def lists(self, symbol: str) -> bool:
        """Whether the symbol was recorded."""
        return symbol in self._tracks

    def serves(self, symbol: str, depth: int) -> bool:
        """Whether the symbol was recorded at this depth."""
        return self._tracks[symbol].depth == depth

    def subscribe(
        self,
        symbol: str,
        depth: int,  # noqa: ARG002 - there is one
        subscriber: Subscriber,
        snapshot: bool,
    ) -> None:
        """Play the symbol's frames to the subscriber from the first one."""
        player = asyncio.create_task(self._play(symbol, subscriber, snapshot))
        self._players[subscriber, symbol] = player

    def unsubscribe(self, symbol: str, subscriber: Subscriber) -> None:
        """Stop playing."""
        player = self._players.pop((subscriber, symbol), None)
        if player is not None:
            player.cancel()

    async def run(self) -> None:
        """Work until cancelled: each subscription has its own player."""
        await asyncio.Event().wait()

    async def _play(self, symbol: str, subscriber: Subscriber, snapshot: bool) -> None:
        await asyncio.sleep(SNAPSHOT_SECONDS)
        frames = self._frames[symbol]
        await self._play_once(frames if snapshot else frames[1:], subscriber)
        while self._loop:
            await self._play_once(frames, subscriber)

    async def _play_once(self, frames: list[tuple[float, bytes]], subscriber: Subscriber) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for index, (due, packed) in enumerate(frames):
            delay = start + due - loop.time()
            if delay > 0 or index % _BATCH == 0:
                await asyncio.sleep(max(0.0, delay))
            await subscriber.drained()
            subscriber.push(packed)
        # Also a track without frames must let others work before it begins again.
        await asyncio.sleep(TICK_SECONDS)
