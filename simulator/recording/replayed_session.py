"""One client of a replayed venue: which recorded connection it gets, and its frames on time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from websockets.frames import CloseCode

from simulator.protocols.venue import ClientLink, ServedSession
from simulator.recording.connections import ConnectionFrame, RecordedConnection
from simulator.wire import pack

_GREETING = '{"event":"info"'
"""The beginning of a frame that a client gets before it asks for anything."""
_PATIENCE_SECONDS = 1.0
"""The time from the first subscription after which a client need not ask for all pairs."""
_BATCH = 50
"""The maximum of due frames to send before the event loop's other tasks run."""


class ConnectionPlan:
    """Chooses the recorded connection of each client.

    Args:
        connections: The recorded connections.
        names: The pairs of each.
        speed: The factor of the recorded pace.
        loop: Whether a client is disconnected at the end, to begin again.

    Attributes:
        speed: The factor of the recorded pace.
        names: All pairs.

    """

    def __init__(
        self,
        connections: Sequence[RecordedConnection],
        names: Sequence[frozenset[str]],
        *,
        speed: float,
        loop: bool,
    ) -> None:
        self.speed = speed
        self.names = frozenset().union(*names)
        self._connections = connections
        self._names = names
        self._loop = loop
        self._plays = [0] * len(connections)

    def greeting(self) -> list[ConnectionFrame]:
        """Return the frames that precede a client's requests."""
        return _split_greeting(self._connections[0].frames)[0]

    def wanted(self, asked: frozenset[str]) -> frozenset[str]:
        """Return the pairs of the connection that has most of the asked ones."""
        return self._names[self._best(asked)]

    def take(self, asked: frozenset[str]) -> tuple[list[ConnectionFrame], bool]:
        """Return the frames for a client, and whether it is disconnected at their end.

        Of the connections with most of the asked pairs, the client gets the next one that nobody
        has had; after the last one, the first one again.
        """
        index = self._best(asked)
        self._plays[index] += 1
        name, plays = self._connections[index].name, self._plays[index]
        has_next = any(
            each.name == name and self._plays[at] < plays
            for at, each in enumerate(self._connections)
        )
        frames = _split_greeting(self._connections[index].frames)[1]
        return frames, has_next or self._loop

    def _best(self, asked: frozenset[str]) -> int:
        return min(
            range(len(self._connections)),
            key=lambda at: (-len(self._names[at] & asked), self._plays[at], at),
        )


class ReplayedSession(ServedSession):
    """The frames of one client.

    They begin when the client has asked for all pairs of its recorded connection, or a second
    after its first subscription.

    Args:
        plan: Chooses the recorded connection.
        link: The way to the client.
        asked_names: Returns the pairs in a subscription.
        named: The pairs to which the handshake has subscribed.

    """

    def __init__(
        self,
        plan: ConnectionPlan,
        link: ClientLink,
        asked_names: Callable[[str | bytes], frozenset[str]],
        named: frozenset[str],
    ) -> None:
        self._plan = plan
        self._link = link
        self._asked_names = asked_names
        self._asked = named
        self._timer: asyncio.TimerHandle | None = None
        self._playing: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Send the greeting, and begin if the handshake has subscribed."""
        for frame in self._plan.greeting():
            self._link.push(pack(frame.text))
        if self._asked:
            self._begin()

    @property
    def is_idle(self) -> bool:
        """Whether the client has asked for nothing."""
        return not self._asked

    def receive(self, message: str | bytes) -> None:
        """Note the pairs of a subscription; other requests have no answer but the recorded one."""
        names = self._asked_names(message)
        if not names or self._playing is not None:
            return
        self._asked |= names
        if self._plan.wanted(self._asked) <= self._asked:
            self._begin()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_PATIENCE_SECONDS, self._begin)

    def beat(self) -> None:
        """Do nothing: heartbeats are recorded too."""

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
        if self._playing is not None:
            self._playing.cancel()

    def _begin(self) -> None:
        if self._playing is None:
            self._playing = asyncio.create_task(self._play())

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        frames, ends = self._plan.take(self._asked)
        start = loop.time() - frames[0].seconds / self._plan.speed if frames else 0.0
        for index, frame in enumerate(frames):
            delay = start + frame.seconds / self._plan.speed - loop.time()
            if delay > 0 or index % _BATCH == 0:
                await asyncio.sleep(max(0.0, delay))
            await self._link.drained()
            self._link.push(pack(frame.text))
        if ends:
            self._link.end(CloseCode.GOING_AWAY, "the recording has ended")


def _split_greeting(
    frames: list[ConnectionFrame],
) -> tuple[list[ConnectionFrame], list[ConnectionFrame]]:
    count = 0
    while count < len(frames) and frames[count].text.startswith(_GREETING):
        count += 1
    return frames[:count], frames[count:]
