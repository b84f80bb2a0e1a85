"""The channels of this process: one for each choice of symbols and view that is read."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from redis.exceptions import RedisError

from api.follow.buffer import Buffer
from api.store.errors import ApiError, NoRoom, TooManyChoices, redis_away
from api.store.metrics import BUFFER_BYTES
from api.store.stream_reads import StreamReads
from api.views.book_registry import BookRegistry
from api.views.channel import VIEW_BYTES, Channel
from api.views.roster import NOT_LISTED, Roster
from api.views.view import View
from api.views.view_pace import ViewPace
from runtime.memory import release_freed_memory

LOOK_INTERVAL = 1.0
# A channel costs memory; readers of the same choice share one.
MAX_CHANNELS = 1000
# So much must be free before it is given back.
MIN_FREED_BYTES = 8 * 1024 * 1024
# To give back 280 MB takes the C library 90 ms, during which others may wait for it.
GIVE_BACK_INTERVAL = 10.0


class Choice(NamedTuple):
    """What a stream shows, and how.

    `symbols` is None for all that there are, also later ones. `is_many` says that ids are
    watermarks; a list of one symbol has them too.
    """

    symbols: tuple[str, ...] | None
    view: View | None
    is_many: bool


class ChannelRegistry:
    """Make a channel for its first reader, and end it after its last."""

    def __init__(
        self,
        reads: StreamReads,
        books: BookRegistry,
        roster: Roster,
        buffer: Buffer,
        look_interval: float = LOOK_INTERVAL,
        view_bytes: int = VIEW_BYTES,
    ) -> None:
        self._view_bytes = view_bytes
        self._reads = reads
        self._books = books
        self._roster = roster
        self._buffer = buffer
        self._look_interval = look_interval
        self._pace = ViewPace()
        self._channels: dict[Choice, Channel] = {}
        # The most that the buffer has had since freed memory was given back.
        self._peak_bytes = 0
        self._next_give_back = 0.0

    async def join(self, choice: Choice) -> Channel:
        """Return the channel of a choice with every book that is there; raises ApiError."""
        try:
            # Asked before anything is read: what was written until then will be in it.
            watermark = await self._reads.time() - 1
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        await self._look_at_roster(choice)
        channel = self._channels.get(choice)
        if channel is None:
            channel = self._make(choice, watermark)
        channel.readers += 1
        try:
            self._show(channel, self._symbols(choice))
            await self._books.join([member.followed for member in channel.members.values()])
        except (RedisError, OSError) as error:
            self.leave(choice, channel)
            raise redis_away(error) from error
        except BaseException:
            self.leave(choice, channel)
            raise
        channel.pull()
        try:
            self._admit(channel)
        except NoRoom:
            self.leave(choice, channel)
            raise
        return channel

    def _admit(self, channel: Channel) -> None:
        """Raise NoRoom if the channel is new and there is no room for it."""
        if channel.view is not None:
            # What it opens with tells what it must keep.
            channel.opening()
        if channel.readers == 1 and self._buffer.is_full:
            raise NoRoom

    @property
    def has_symbols(self) -> bool:
        """Return whether `*` means any symbol."""
        return bool(self._roster.symbols)

    def left(self, choice: Choice) -> Mapping[str, str]:
        """Return which symbols have left that choice, and why."""
        return self._roster.left if choice.symbols is None else {}

    def leave(self, choice: Choice, channel: Channel) -> None:
        """Count one reader less, and end the channel after its last."""
        channel.readers -= 1
        if not channel.readers:
            del self._channels[choice]
            for followed in channel.close():
                self._books.unfollow(followed)

    async def look_after(self) -> None:
        """Move the watermarks, and keep up with the symbols that `*` means, for ever."""
        while True:
            await asyncio.sleep(self._look_interval)
            with suppress(ApiError):
                # If Redis is away, or the list cannot be read, what was known goes on to hold.
                await self._roster.look()
            for choice, channel in list(self._channels.items()):
                channel.move_watermark(self._roster.without_book)
                channel.look_over()
                self._show(channel, self._symbols(choice))
            await self._give_back_memory()

    async def _give_back_memory(self) -> None:
        """Give memory back to the system when much of it is free: readers have left."""
        BUFFER_BYTES.set(self._buffer.bytes)
        self._peak_bytes = max(self._peak_bytes, self._buffer.bytes)
        is_much = self._peak_bytes - self._buffer.bytes >= MIN_FREED_BYTES
        if is_much and monotonic() >= self._next_give_back:
            self._peak_bytes = self._buffer.bytes
            self._next_give_back = monotonic() + GIVE_BACK_INTERVAL
            # It looks at every page: no reader is to wait for that.
            await asyncio.to_thread(release_freed_memory)

    async def _look_at_roster(self, choice: Choice) -> None:
        """Learn which symbols `*` means; raises ApiError if that is not known at all."""
        if choice.symbols is None:
            try:
                await self._roster.look()
            except ApiError:
                if not self._roster.symbols:
                    raise

    def _make(self, choice: Choice, watermark: int) -> Channel:
        if len(self._channels) >= MAX_CHANNELS:
            raise TooManyChoices(MAX_CHANNELS)
        name = choice.symbols[0] if choice.symbols else "*"
        channel = Channel(
            name,
            choice.view,
            watermark,
            self._buffer,
            self._pace,
            is_many=choice.is_many,
            view_bytes=self._view_bytes,
        )
        self._channels[choice] = channel
        return channel

    def _show(self, channel: Channel, symbols: Collection[str]) -> None:
        for symbol in symbols:
            if symbol not in channel.members:
                channel.add(self._books.follow(symbol))
        for symbol in channel.members.keys() - symbols:
            reason = self._roster.left.get(symbol, NOT_LISTED)
            self._books.unfollow(channel.leave(symbol, reason))

    def _symbols(self, choice: Choice) -> Collection[str]:
        return self._roster.symbols.keys() if choice.symbols is None else choice.symbols
