"""Calls of the write script on their way to a node of Redis: sent together, answered or still open.

Nothing here is decided by guessing: a call that Redis did not answer is sent again to the letter,
which the script makes safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic, monotonic_ns
from typing import Any, NamedTuple, cast

from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from collector.metrics import FLUSH_SECONDS, PUBLISH_LAG, PUBLISHED, REDIS_ERRORS, REFUSALS
from collector.publish.redis_clock import RedisClock
from collector.publish.shared_keys import News
from collector.report.troubles import Troubles
from kraken_book.backoff import Backoff
from kraken_book.contract.keys import SYMBOLS, WAKE, WAKE_MAXLEN, book_key, events_key
from kraken_book.contract.script import WRITE
from kraken_book.contract.symbol_state import encode_symbol_state
from kraken_book.contract.write import (
    WriteCall,
    WriteRefusal,
    Written,
    parse_corruption,
    parse_refusal,
    parse_reply,
)
from runtime.redis.errors import Reason, describe
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import Nodes

# Delay before a node that does not answer is asked again; it grows up to MOST_RETRY_SECONDS.
RETRY_SECONDS = 0.25
MOST_RETRY_SECONDS = 1.0
# Words for a key of the wrong type.
_TYPES = {SYMBOLS: "is no hash", WAKE: "is no stream"}
# That a key is on another node, or on its way there, is no trouble of Redis.
REDIRECTIONS = (AskError, TryAgainError)


class Delivered(NamedTuple):
    """Outcome of one sending: what Redis wrote, what it refused, what it did not carry out.

    `open_calls` and `open_states` are to be sent again as soon as may be, `held_calls` and
    `held_states` after a while: Redis answered them with an error that does not pass at once.
    """

    written: list[WriteCall]
    refused: list[tuple[WriteCall, WriteRefusal]]
    open_calls: list[WriteCall]
    open_states: list[str]
    held_calls: list[WriteCall]
    held_states: list[str]


class Delivery:
    """Brings calls to one node, however long that takes; `clock` learns its time from answers."""

    def __init__(self, nodes: Nodes, node: RedisNode, troubles: Troubles) -> None:
        self._nodes = nodes
        self._node = node
        self._troubles = troubles
        self._away = False
        self._name = f"redis {getattr(node, 'address', '')}".strip()
        self._backoff = Backoff(RETRY_SECONDS / 2, MOST_RETRY_SECONDS)
        self.clock = RedisClock()

    def forget_troubles(self) -> None:
        """Forget the troubles of a node that has gone."""
        for name in (self._name, f"{self._name} away"):
            self._troubles.over(name, "this node has no books any more")

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
                await asyncio.sleep(self._backoff.next())
        return self.clock.known

    async def deliver(self, calls: Sequence[WriteCall], news: News) -> Delivered:
        """Send everything, again and again until the node answers; returns what it answered.

        Where a key has gone to another node, an unanswered call stays open.
        """
        replies = await self._send(calls, news)
        while not replies:
            await asyncio.sleep(self._backoff.next())
            if not self._has_all(calls, news):
                return Delivered([], [], list(calls), list(news.states), [], [])
            replies = await self._send(calls, news)
        self._backoff.reset()
        delivered = self._read(calls, news, replies)
        if len(delivered.open_calls) == len(calls) > 0 and self._has_all(calls, news):
            # Redis answers and takes nothing now: slots are on their way, or the cluster is down.
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
        delivered = Delivered([], [], [], [], [], [])
        if not all(isinstance(reply, Exception) for reply in replies):
            self._say_back()
        for call, reply in zip(calls, replies, strict=False):
            if isinstance(reply, Exception):
                self._on_error(call, reply, delivered)
            else:
                self._on_answer(call, parse_reply(cast("Sequence[Any]", reply)), delivered)
        rest = replies[len(calls) :]
        for symbol, reply in zip(news.states, rest, strict=False):
            if not isinstance(reply, Exception):
                self._troubles.over(SYMBOLS, "redis writes this again")
            elif self._passes(reply):
                delivered.open_states.append(symbol)
            else:
                self._say_refused(SYMBOLS, reply)
                delivered.held_states.append(symbol)
        for reply in rest[len(news.states) :]:
            self._on_wake(reply)
        return delivered

    def _on_answer(self, call: WriteCall, written: Written, delivered: Delivered) -> None:
        self.clock.answered(written.redis_time)
        self._say_repaired(call, written)
        if self._troubles.lasting:
            for name in (book_key(call.symbol), events_key(call.symbol), call.symbol, self._name):
                self._troubles.over(name, "redis writes this again")
        if call.entries and written.seq != call.last_seq:
            # Nobody else writes under this epoch: somebody has moved the stream's seq, and the
            # script took these events for old ones.
            wrong = f"said that the stream stands at {written.seq}, which nobody wrote"
            self._troubles.say_repaired(book_key(call.symbol), wrong)
            delivered.refused.append((call, WriteRefusal("GAP", 0, written.seq)))
            return
        PUBLISHED.inc(call.entries)
        if call.entries:
            PUBLISH_LAG.observe((monotonic_ns() - call.since) / 1e9)
        delivered.written.append(call)

    def _say_repaired(self, call: WriteCall, written: Written) -> None:
        if "hash" in written.repaired:
            wrong = "its stream_epoch, stream_seq and stream_id could not be"
            self._troubles.say_repaired(book_key(call.symbol), wrong)
        if "stream" in written.repaired:
            wrong = "its last id lay ahead of any that may come, the entries before are deleted"
            self._troubles.say_repaired(events_key(call.symbol), wrong)

    def _on_error(self, call: WriteCall, error: Exception, delivered: Delivered) -> None:
        text = str(error)
        if refused := parse_refusal(text):
            REFUSALS.labels(refused.word).inc()
            delivered.refused.append((call, refused))
        elif corrupt := parse_corruption(text):
            REFUSALS.labels("CORRUPT").inc()
            self._troubles.say_corrupt(*corrupt)
            delivered.held_calls.append(call)
        elif self._passes(error):
            delivered.open_calls.append(call)
        else:
            self._say_refused(call.symbol, error)
            delivered.held_calls.append(call)

    def _passes(self, error: Exception) -> bool:
        """Return whether the same call may succeed in a moment."""
        if isinstance(error, ClusterDownError):
            self._say_away(error)
            return True
        return isinstance(error, REDIRECTIONS)

    def _on_wake(self, reply: object) -> None:
        passing = (*REDIRECTIONS, ClusterDownError)
        if isinstance(reply, ResponseError) and not isinstance(reply, passing):
            self._say_refused(WAKE, reply)
        elif not isinstance(reply, Exception):
            self._troubles.over(WAKE, "redis writes this again")

    def _say_refused(self, name: str, error: Exception) -> None:
        """Say once that Redis does not write this key, or anything at all."""
        REDIS_ERRORS.inc()
        trouble = describe(error, self._node)
        if name in _TYPES and trouble.reason is Reason.WRONG_TYPE:
            self._troubles.say_corrupt(name, _TYPES[name])
        elif name == WAKE and "last possible ID" in trouble.text:
            self._troubles.say_corrupt(name, "has an id at the end of time")
        else:
            name = name if trouble.is_of_one_key else self._name
            self._troubles.say(name, "redis does not write this, trying on", error, self._node)

    def _say_back(self) -> None:
        if self._away:
            self._away = False
            self._troubles.over(f"{self._name} away", "redis is back, publishing goes on")

    def _say_away(self, error: Exception) -> None:
        REDIS_ERRORS.inc()
        # Another server may take this one's place, with another clock.
        self.clock.forget()
        self._away = True
        event = "redis does not take writes, the books go on in memory"
        self._troubles.say(f"{self._name} away", event, error, self._node)


def _states_said(news: News) -> list[Command]:
    return [
        ("HSET", SYMBOLS, symbol, encode_symbol_state(state))
        for symbol, state in news.states.items()
    ]


def _by_digest(call: WriteCall) -> Command:
    return ("EVALSHA", WRITE.sha, *call.arguments)


def _by_text(call: WriteCall) -> Command:
    return ("EVAL", WRITE.text, *call.arguments)
