"""The feed of a recording: each subscription replays its symbol from the first snapshot on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

from simulator.market.instrument import SimulatedInstrument
from simulator.market.subscriber import SNAPSHOT_SECONDS, FeedSubscriber
from simulator.recording.reader import Track
from simulator.wire import pack

_BATCH = 50
"""The maximum of due frames to send before the event loop's other tasks run."""
_PAUSE_SECONDS = 0.005
"""The pause after a track, so that the repeat of a short track does not block the event loop."""


class _Packed(NamedTuple):
    due: float
    packed: bytes


@dataclass
class _Place:
    """The next frame, and the loop's time at which the frame of 0 seconds was due."""

    index: int
    start: float | None


class _Player(NamedTuple):
    task: asyncio.Task[None]
    place: _Place


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
            symbol: [_Packed(each.seconds / speed, pack(each.text)) for each in track.frames]
            for symbol, track in tracks.items()
        }
        self._snapshots = {
            symbol: [at for at, each in enumerate(track.frames) if each.is_snapshot]
            for symbol, track in tracks.items()
        }
        self._loop = loop
        self._players: dict[tuple[FeedSubscriber, str], _Player] = {}
        # Where a symbol continues if its subscriber asks for it again.
        self._left: WeakKeyDictionary[FeedSubscriber, dict[str, _Place]] = WeakKeyDictionary()

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
        """Replay the symbol's frames to the subscriber, from the first one on.

        If it subscribes again, as a client does whose book is wrong, the replay continues at the
        next snapshot of the recording. If there is none, it begins again.
        """
        place = self._left.get(subscriber, {}).pop(symbol, None)
        if place is None or not snapshot:
            place = _Place(0 if snapshot else 1, None)
        playing = asyncio.create_task(self._play(symbol, subscriber, place))
        self._players[subscriber, symbol] = _Player(playing, place)

    def unsubscribe(self, symbol: str, subscriber: FeedSubscriber) -> None:
        """Stop the symbol's replay to the subscriber."""
        player = self._players.pop((subscriber, symbol), None)
        if player is None:
            return
        player.task.cancel()
        place = player.place
        index = next((at for at in self._snapshots[symbol] if at >= place.index), None)
        if index is not None and place.index > 0:
            self._left.setdefault(subscriber, {})[symbol] = _Place(index, place.start)

    async def run(self) -> None:
        """Wait until cancelled; each subscription has a separate task."""
        await asyncio.Event().wait()

    async def _play(self, symbol: str, subscriber: FeedSubscriber, place: _Place) -> None:
        await asyncio.sleep(SNAPSHOT_SECONDS)
        frames = self._frames[symbol]
        await self._play_once(frames, subscriber, place)
        while self._loop:
            place.index, place.start = 0, None
            await self._play_once(frames, subscriber, place)

    async def _play_once(
        self, frames: list[_Packed], subscriber: FeedSubscriber, place: _Place
    ) -> None:
        loop = asyncio.get_running_loop()
        if place.start is None:
            first = frames[place.index].due if place.index < len(frames) else 0.0
            place.start = loop.time() - first
        while place.index < len(frames):
            due, packed = frames[place.index]
            delay = place.start + due - loop.time()
            if delay > 0 or place.index % _BATCH == 0:
                await asyncio.sleep(max(0.0, delay))
            await subscriber.drained()
            subscriber.push(packed)
            place.index += 1
        await asyncio.sleep(_PAUSE_SECONDS)
