"""Keep the channels of this process, one for each choice of symbols and view that has readers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from math import ceil
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
from kraken_book.selection import Selection
from runtime.memory import release_freed_memory

# Seconds between two updates of the watermarks and of the symbols of `*`.
UPDATE_INTERVAL = 1.0
# Each channel costs memory.
MAX_CHANNELS = 1000
# If the buffer has shrunk by this much, freed memory is returned to the system.
MIN_FREED_BYTES = 8 * 1024 * 1024
# The least number of seconds between two returns. Meanwhile other threads may wait for memory.
GIVE_BACK_INTERVAL = 10.0


class Choice(NamedTuple):
    """The symbols and the view that a client chose."""

    symbols: tuple[str, ...] | None
    """The symbols; None for `*`, which is all symbols, also those that are added later."""
    view: View | None
    """The view of the books; None for their events."""
    is_many: bool
    """Whether the stream's ids are watermarks: for `*` and for every list, even of one symbol."""
    visible: Selection | None = None
    """The symbols of `*` that the client may see; None for all, and for a list."""
    wanted: Selection | None = None
    """The symbols of `*` that the client chose by wildcards; None for all, and for a list."""

    def among(self, symbols: Iterable[str]) -> list[str]:
        """Return those of all symbols that the client chose and may see, in their order."""
        for selection in (self.wanted, self.visible):
            if selection is not None:
                symbols = selection.among(symbols)
        return list(symbols)


class ChannelRegistry:
    """Creates a channel for the first reader of a choice, and closes it after the last.

    Args:
        reads: Reads Redis's clock.
        books: The books that channels show.
        roster: Keeps the symbols of `*`.
        buffer: Counts and bounds the bytes of all logs of the process.
        update_interval: Seconds between two updates of the watermarks and of the symbols of `*`.
        view_bytes: Bound of the log of a view, in bytes.
    """

    def __init__(
        self,
        reads: StreamReads,
        books: BookRegistry,
        roster: Roster,
        buffer: Buffer,
        update_interval: float = UPDATE_INTERVAL,
        view_bytes: int = VIEW_BYTES,
    ) -> None:
        self._view_bytes = view_bytes
        self._reads = reads
        self._books = books
        self._roster = roster
        self._buffer = buffer
        self._update_interval = update_interval
        self._pace = ViewPace()
        self._channels: dict[Choice, Channel] = {}
        # The symbols of choices that are a part of `*`, as of the roster's `changes`.
        self._parts: dict[tuple[Selection | None, Selection | None], list[str]] = {}
        self._parts_changes = 0
        # The most bytes in the buffer since memory was returned to the system.
        self._peak_bytes = 0
        self._next_give_back = 0.0

    async def join(self, choice: Choice) -> Channel:
        """Return the channel of a choice, to be left with `leave`; raise ApiError on failure."""
        try:
            # Read before the books, so that they contain every event up to this time. Minus one,
            # because more events may be written in the current millisecond.
            watermark = await self._reads.time() - 1
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        if choice.symbols is None and await self._update_roster():
            watermark = self._before_list(watermark)
        channel = self._channels.get(choice)
        if channel is None:
            channel = self._make(choice, watermark)
        channel.readers += 1
        try:
            self._update_members(choice, channel)
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
        """Raise NoRoom if the buffer has no room for a new channel, or for a view's opening."""
        if channel.view is not None:
            # Sets the floor of the log, which `is_full` counts, by the size of the opening.
            channel.opening()
        is_new = channel.readers == 1
        if is_new and self._buffer.is_full:
            raise NoRoom

    def has_symbols(self, choice: Choice) -> bool:
        """Return whether a choice has any symbol."""
        return bool(self._symbols(choice))

    def left(self, choice: Choice) -> Mapping[str, str]:
        """Return the symbols that have left `*`, with the reasons; none if `choice` is a list."""
        if choice.symbols is not None:
            return {}
        left = self._roster.left
        return {each: left[each] for each in choice.among(left)}

    def leave(self, choice: Choice, channel: Channel) -> None:
        """Count one reader less; if it was the last, close the channel."""
        channel.readers -= 1
        if not channel.readers:
            del self._channels[choice]
            for followed in channel.close():
                self._books.unfollow(followed)

    async def run(self) -> None:
        """Update the watermarks and the symbols of `*`, until the task is cancelled."""
        while True:
            await asyncio.sleep(self._update_interval)
            listed_at = await self._update_list()
            for choice, channel in list(self._channels.items()):
                # First, because a new member may have events before the next watermark.
                self._update_members(choice, channel)
                channel.move_watermark(listed_at if choice.symbols is None else None)
                channel.check_lost_books()
            await self._give_back_memory()

    async def _update_list(self) -> int | None:
        """Update the symbols of `*`.

        Returns:
            The time by Redis's clock up to which no other symbol had events; None if it is unknown,
            because Redis is down, or because the list is corrupt. Then the roster stays as it was.
        """
        try:
            now = await self._reads.time() - 1
            await self._roster.update()
        except (ApiError, RedisError, OSError):
            return None
        return self._before_list(now)

    def _before_list(self, now: int) -> int:
        """Return the time at which the roster's list was read, `now` being the present time."""
        return now - ceil((monotonic() - self._roster.read_at) * 1000)

    async def _give_back_memory(self) -> None:
        """Return memory to the system if the buffer has shrunk, for example after readers left."""
        BUFFER_BYTES.set(self._buffer.bytes)
        self._peak_bytes = max(self._peak_bytes, self._buffer.bytes)
        has_shrunk = self._peak_bytes - self._buffer.bytes >= MIN_FREED_BYTES
        if has_shrunk and monotonic() >= self._next_give_back:
            self._peak_bytes = self._buffer.bytes
            self._next_give_back = monotonic() + GIVE_BACK_INTERVAL
            # In a thread, because it visits every page of memory.
            await asyncio.to_thread(release_freed_memory)

    async def _update_roster(self) -> bool:
        """Update the symbols of `*`.

        Returns:
            Whether it was possible.

        Raises:
            ApiError: The list cannot be read, and no symbol is known.
        """
        try:
            await self._roster.update()
        except ApiError:
            if not self._roster.symbols:
                raise
            return False
        return True

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

    def _update_members(self, choice: Choice, channel: Channel) -> None:
        """Add the books of new symbols to a channel, and remove those of other symbols.

        Symbols of `*` that the venue refuses are hidden members: a reader that resumes gets their
        events too, and none of those with which they return is missed.
        """
        symbols, refused = self._symbols(choice), self._refused(choice)
        for symbol in symbols:
            member = channel.members.get(symbol)
            if member is None:
                channel.add(self._books.follow(symbol))
            elif member.hidden_for is not None:
                channel.show(symbol)
        for symbol, reason in refused.items():
            member = channel.members.get(symbol)
            if member is None:
                channel.add(self._books.follow(symbol), reason)
            elif member.hidden_for is None:
                channel.hide(symbol, reason)
        for symbol in channel.members.keys() - symbols - refused.keys():
            reason = self._roster.left.get(symbol, NOT_LISTED)
            self._books.unfollow(channel.leave(symbol, reason))

    def _refused(self, choice: Choice) -> Mapping[str, str]:
        """Return the symbols of `*` that the venue refuses, with its reasons; none for a list."""
        if choice.symbols is not None:
            return {}
        refused = self._roster.refused
        return {each: refused[each] for each in choice.among(refused)}

    def _symbols(self, choice: Choice) -> Collection[str]:
        """Return the symbols of a choice, those of `*` in the order in which they joined."""
        if choice.symbols is not None:
            return choice.symbols
        part = (choice.visible, choice.wanted)
        if part == (None, None):
            return self._roster.symbols.keys()
        if self._parts_changes != self._roster.changes or len(self._parts) > MAX_CHANNELS:
            self._parts.clear()
            self._parts_changes = self._roster.changes
        if part not in self._parts:
            self._parts[part] = choice.among(self._roster.symbols)
        return self._parts[part]
