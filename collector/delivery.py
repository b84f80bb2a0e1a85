"""Calls of the write script on their way to a node of Redis: sent together, answered or still open.

Nothing here is decided by guessing: a call that Redis did not answer is sent again to the letter,
which the script makes safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic, monotonic_ns
from typing import NamedTuple, cast

from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    RedisError,
    TryAgainError,
)

from collector.announcements import News
from collector.metrics import FLUSH_SECONDS, PUBLISH_LAG, PUBLISHED, REDIS_ERRORS, REFUSALS
from collector.redis_clock import RedisClock
from kraken_book.redis_contract.keys import SYMBOLS, WAKE, WAKE_MAXLEN, book_key
from kraken_book.redis_contract.script import WRITE
from kraken_book.redis_contract.symbol_state import encode_symbol_state
from kraken_book.redis_contract.write import Refused, WriteCall, parse_refusal, parse_reply
from service.logs import get_logger
from service.redis_exchange import Command, RedisNode
from service.redis_nodes import Nodes

log = get_logger(__name__)

RETRY_SECONDS = 0.25
# That a key is on another node, or on its way there, is no trouble of Redis.
REDIRECTIONS = (AskError, TryAgainError)


class Delivered(NamedTuple):
    """What became of one sending: what Redis wrote, what it refused, what it did not carry out."""

    written: list[WriteCall]
    refused: list[tuple[WriteCall, Refused]]
    open_calls: list[WriteCall]
    open_states: list[str]


class Delivery:
    """Brings calls to one node, however long that takes; `clock` learns its time from answers."""

    def __init__(self, nodes: Nodes, node: RedisNode) -> None:
        self._nodes = nodes
        self._node = node
        self._away = False
        self._stuck: set[str] = set()
        self.clock = RedisClock()

    async def ask_time(self) -> bool:
        """Whether the node has told its time; asks once where it has not."""
        if not self.clock.known:
            try:
                (reply,) = await self._nodes.send(self._node, [("TIME",)])
                if isinstance(reply, Exception):
                    raise reply
                seconds, microseconds = map(int, reply)
                self.clock.answered(seconds * 1_000_000 + microseconds)
            except (RedisError, OSError) as error:
                self._say_away(error)
                await asyncio.sleep(RETRY_SECONDS)
        return self.clock.known

    async def deliver(self, calls: Sequence[WriteCall], news: News) -> Delivered:
        """Send everything, again and again until the node answers; returns what it answered.

        Where a key has gone to another node, an unanswered call stays open.
        """
        replies = await self._send(calls, news)
        while not replies:
            await asyncio.sleep(RETRY_SECONDS)
            if not self._has_all(calls, news):
                return Delivered([], [], list(calls), list(news.states))
            replies = await self._send(calls, news)
        delivered = self._read(calls, news, replies)
        if len(delivered.open_calls) == len(calls) > 0 and self._has_all(calls, news):
            # Redis answers and takes nothing: it is loading, full, or a replica.
            await asyncio.sleep(RETRY_SECONDS)
        return delivered

    def _has_all(self, calls: Sequence[WriteCall], news: News) -> bool:
        """Whether the node still is where all of this belongs."""
        keys = [book_key(call.symbol) for call in calls]
        keys += [SYMBOLS] * bool(news.states) + [WAKE] * bool(news.written)
        return all(self._nodes.of(key) is self._node for key in keys)

    async def _send(self, calls: Sequence[WriteCall], news: News) -> list[object]:
        """The node's replies to one sending of everything; none where it did not answer."""
        begun = monotonic()
        rest = [*_states_said(news), *self._wake(calls, news)]
        try:
            replies = await self._nodes.send(self._node, [*map(_by_digest, calls), *rest])
            if any(isinstance(reply, NoScriptError) for reply in replies):
                # A call that brings the script with it leaves it there for all that follow.
                replies = await self._nodes.send(self._node, [*map(_by_text, calls), *rest])
        except (RedisError, OSError) as error:
            self._say_away(error)
            return []
        FLUSH_SECONDS.observe(monotonic() - begun)
        return replies

    def _wake(self, calls: Sequence[WriteCall], news: News) -> list[Command]:
        """Word to readers, where this node has the stream for it."""
        if self._nodes.of(WAKE) is not self._node:
            return []
        written = dict.fromkeys([*news.written, *(call.symbol for call in calls if call.entries)])
        if not written:
            return []
        return [("XADD", WAKE, "MAXLEN", "~", WAKE_MAXLEN, "*", "s", ",".join(written))]

    def _read(self, calls: Sequence[WriteCall], news: News, replies: Sequence[object]) -> Delivered:
        delivered = Delivered([], [], [], [])
        errors: dict[str, Exception] = {}
        for call, reply in zip(calls, replies, strict=False):
            if not isinstance(reply, Exception):
                self._on_written(call, cast("Sequence[int]", reply))
                delivered.written.append(call)
            elif refused := parse_refusal(str(reply)):
                REFUSALS.labels(refused.word).inc()
                delivered.refused.append((call, refused))
            else:
                errors[call.symbol] = reply
                delivered.open_calls.append(call)
        for symbol, reply in zip(news.states, replies[len(calls) :], strict=False):
            if isinstance(reply, Exception):
                errors[SYMBOLS] = reply
                delivered.open_states.append(symbol)
            else:
                self._say_unstuck(SYMBOLS)
        if not all(isinstance(reply, Exception) for reply in replies):
            self._say_back()
        self._say_stuck(errors)
        return delivered

    def _on_written(self, call: WriteCall, reply: Sequence[int]) -> None:
        self.clock.answered(parse_reply(reply).redis_time)
        PUBLISHED.inc(call.entries)
        if call.entries:
            PUBLISH_LAG.observe((monotonic_ns() - call.since) / 1e9)
        self._say_unstuck(call.symbol)

    def _say_unstuck(self, name: str) -> None:
        if name in self._stuck:
            self._stuck.discard(name)
            log.info("redis writes this again", what=name)

    def _say_back(self) -> None:
        if self._away:
            self._away = False
            log.info("redis is back, publishing goes on")

    def _say_stuck(self, errors: Mapping[str, Exception]) -> None:
        """Say once of each symbol, or of `kraken:symbols`, that Redis does not write it."""
        REDIS_ERRORS.inc(len(errors))
        for name, error in errors.items():
            if isinstance(error, ClusterDownError):
                self._say_away(error)
            elif not isinstance(error, REDIRECTIONS) and name not in self._stuck:
                self._stuck.add(name)
                log.error("redis does not write this, trying on", what=name, error=str(error))

    def _say_away(self, error: Exception) -> None:
        REDIS_ERRORS.inc()
        # Another server may take this one's place, with another clock.
        self.clock.forget()
        if not self._away:
            self._away = True
            log.error("redis does not take writes, the books go on in memory", error=str(error))


def _states_said(news: News) -> list[Command]:
    return [
        ("HSET", SYMBOLS, symbol, encode_symbol_state(state))
        for symbol, state in news.states.items()
    ]


def _by_digest(call: WriteCall) -> Command:
    return ("EVALSHA", WRITE.sha, *call.arguments)


def _by_text(call: WriteCall) -> Command:
    return ("EVAL", WRITE.text, *call.arguments)
