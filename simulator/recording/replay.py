"""The feed of a recording: each subscription replays its symbol from the first snapshot on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from simulator.protocol.feed import SNAPSHOT_SECONDS, FeedSubscriber
from simulator.protocol.instruments import SimulatedInstrument
from simulator.protocol.wire import pack
from simulator.recording.reader import Track

_BATCH = 50
"""The maximum of due frames to send before the event loop's other tasks run."""
_PAUSE_SECONDS = 0.005
"""The pause after a track, so that the repeat of a short track does not block the event loop."""


class Replay:
    """Recorded books, which are served at the depth of the recording.

    Args:
        tracks: The recorded books by symbol.
        speed: The factor of the recorded pace; infinity for as fast as subscribers read.
        loop: Whether to repeat each track; otherwise its symbol is silent after the end.

    """

    def __init__(self, tracks: Mapping[str, Track], *, speed: float = 1.0, loop: bool = False):
        self._tracks = tracks
        self._frames = {
            symbol: [(seconds / speed, pack(text)) for seconds, text in track.frames]
            for symbol, track in tracks.items()
        }
        self._loop = loop
        self._players: dict[tuple[FeedSubscriber, str], asyncio.Task[None]] = {}

    def instruments(self) -> Iterable[SimulatedInstrument]:
        """Return the recorded pairs."""
        return [track.instrument for track in self._tracks.values()]

    def lists(self, symbol: str) -> bool:
        """Return whether the symbol was recorded."""
        return symbol in self._tracks

    def serves(self, symbol: str, depth: int) -> bool:
        """Return whether the symbol was recorded at this depth."""
        return self._tracks[symbol].depth == depth

    def subscribe(
        self,
        symbol: str,
        depth: int,  # noqa: ARG002 - there is one
        subscriber: FeedSubscriber,
        snapshot: bool,
    ) -> None:
        """Replay the symbol's frames to the subscriber from the first one on."""
        player = asyncio.create_task(self._play(symbol, subscriber, snapshot))
        self._players[subscriber, symbol] = player

    def unsubscribe(self, symbol: str, subscriber: FeedSubscriber) -> None:
        """Stop the symbol's replay to the subscriber."""
        player = self._players.pop((subscriber, symbol), None)
        if player is not None:
            player.cancel()

    async def run(self) -> None:
        """Wait until cancelled; each subscription has a separate task."""
        await asyncio.Event().wait()

    async def _play(self, symbol: str, subscriber: FeedSubscriber, snapshot: bool) -> None:
        await asyncio.sleep(SNAPSHOT_SECONDS)
        frames = self._frames[symbol]
        await self._play_once(frames if snapshot else frames[1:], subscriber)
        while self._loop:
            await self._play_once(frames, subscriber)

    async def _play_once(
        self, frames: list[tuple[float, bytes]], subscriber: FeedSubscriber
    ) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for index, (due, packed) in enumerate(frames):
            delay = start + due - loop.time()
            if delay > 0 or index % _BATCH == 0:
                await asyncio.sleep(max(0.0, delay))
            await subscriber.drained()
            subscriber.push(packed)
        await asyncio.sleep(_PAUSE_SECONDS)
