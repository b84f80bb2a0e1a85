"""All channels of this process: one for each choice of symbols and view that somebody reads."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from redis.exceptions import RedisError

from api.channel import Channel
from api.cut import Cut
from api.directory import Directory
from api.followed_books import FollowedBooks
from api.problems import Problem, redis_away, unavailable
from api.tail import Tail

LOOK_SECONDS = 1.0
# A channel costs memory, whoever reads it; readers of the same share one.
MOST_CHANNELS = 1000


class Choice(NamedTuple):
    """What a stream shows: `symbols` (None: all there are, also later ones), and how.

    `is_many` says that ids are watermarks, which also a list of one symbol has.
    """

    symbols: tuple[str, ...] | None
    cut: Cut | None
    is_many: bool


class Channels:
    """Makes a channel for its first reader, and ends it after its last."""

    def __init__(self, tail: Tail, books: FollowedBooks, directory: Directory) -> None:
        self._tail = tail
        self._books = books
        self._directory = directory
        self._channels: dict[Choice, Channel] = {}

    async def join(self, choice: Choice) -> Channel:
        """The channel, with every book in it that is there; `leave` it. Raises Problem."""
        try:
            # Asked before anything is read: what was written until then will be in it.
            watermark = await self._tail.time() - 1
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        symbols = await self._symbols(choice)
        channel = self._channels.get(choice)
        if channel is None:
            channel = self._make(choice, watermark)
        channel.readers += 1
        try:
            self._show(channel, symbols)
            await self._books.join([source.followed for source in channel.sources.values()])
        except (RedisError, OSError) as error:
            self.leave(choice, channel)
            raise redis_away(error) from error
        except BaseException:
            self.leave(choice, channel)
            raise
        channel.pull()
        return channel

    def leave(self, choice: Choice, channel: Channel) -> None:
        """One reader less."""
        channel.readers -= 1
        if not channel.readers:
            del self._channels[choice]
            for followed in channel.close():
                self._books.unfollow(followed)

    async def look_after(self) -> None:
        """Move the watermarks, and show symbols that are new to who shows all, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                states = await self._directory.states()
            except Problem:
                # Redis is away: nothing is new.
                continue
            without_book = {symbol for symbol, state in states.items() if not state.acknowledged}
            for choice, channel in list(self._channels.items()):
                channel.move_watermark(without_book)
                self._show(channel, await self._symbols(choice))

    def _make(self, choice: Choice, watermark: int) -> Channel:
        if len(self._channels) >= MOST_CHANNELS:
            raise unavailable(
                "too-many-choices",
                f"{MOST_CHANNELS} different choices of symbols and views are being read; take one"
                " that others read, such as symbols=*",
            )
        name = choice.symbols[0] if choice.symbols else "*"
        channel = Channel(name, choice.cut, watermark, is_many=choice.is_many)
        self._channels[choice] = channel
        return channel

    def _show(self, channel: Channel, symbols: tuple[str, ...]) -> None:
        for symbol in symbols:
            if symbol not in channel.sources:
                channel.add(self._books.follow(symbol))
        for symbol in channel.sources.keys() - set(symbols):
            self._books.unfollow(channel.remove(symbol))

    async def _symbols(self, choice: Choice) -> tuple[str, ...]:
        if choice.symbols is not None:
            return choice.symbols
        states = await self._directory.states()
        return tuple(symbol for symbol, state in states.items() if state.acknowledged)
