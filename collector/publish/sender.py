"""Sends calls of the write script to one node of Redis, together, until they are answered.

A call that Redis did not answer is sent again to the letter, which the script makes safe.
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
from collector.publish.shared_keys import SharedKeyUpdates
from collector.publish.troubles import Troubles
from collector.publish.tuning import Tuning
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

# The longest delay before a node that does not answer is asked again.
MAX_RETRY_DELAY = 1.0
# Words for a key of the wrong type.
_TYPES = {SYMBOLS: "is no hash", WAKE: "is no stream"}
# A key that is on another node, or on its way there, is no trouble of Redis.
REDIRECTIONS = (AskError, TryAgainError)


class SendResult(NamedTuple):
    """What Redis wrote, what it refused, and what it did not carry out.

    `open_calls` and `open_states` are to be sent again at once. `held_calls` and `held_states` are
    to be sent again after a while, because Redis answered with an error that does not pass at once.
    """

    written: list[WriteCall]
    refused: list[tuple[WriteCall, WriteRefusal]]
    open_calls: list[WriteCall]
    open_states: list[str]
    held_calls: list[WriteCall]
    held_states: list[str]


class Sender:
    """Sends calls to one node, however long that takes; `clock` learns its time from answers."""

    def __init__(self, nodes: Nodes, node: RedisNode, troubles: Troubles, tuning: Tuning) -> None:
        self._nodes = nodes
        self._node = node
        self._troubles = troubles
        self._tuning = tuning
        self._away = False
        self._name = f"redis {getattr(node, 'address', '')}".strip()
        self._backoff = Backoff(tuning.retry_delay / 2, MAX_RETRY_DELAY)
        self.clock = RedisClock()

    def forget_troubles(self) -> None:
        """Forget the troubles of a node that has gone."""
        for name in (self._name, f"{self._name} away"):
            self._troubles.over(name, "this node has no books any more")

    async def ask_time(self) -> bool:
        """Return whether the node has told its time; ask it once if it has not."""
        if not self.clock.known:
            try:
                (reply,) = await self._nodes.send(self._node, [("TIME",)])
                if isinstance(reply, Exception):
                    raise reply
                seconds, microseconds = map(int, reply)
                self.clock.answered(seconds * 1_000_000 + microseconds)
            except (RedisError, OSError) as error:
                self._note_unavailable(error)
                await asyncio.sleep(self._backoff.next())
        return self.clock.known

    async def send(self, calls: Sequence[WriteCall], updates: SharedKeyUpdates) -> SendResult:
        """Send everything, again and again until the node answers, and return what it answered.

        If a key has gone to another node meanwhile, the calls stay open.
        """
        replies = await self._exchange(calls, updates)
        while not replies:
            await asyncio.sleep(self._backoff.next())
            if not self._has_all(calls, updates):
                return SendResult([], [], list(calls), list(updates.states), [], [])
            replies = await self._exchange(calls, updates)
        self._backoff.reset()
        result = self._read_replies(calls, updates, replies)
        if len(result.open_calls) == len(calls) > 0 and self._has_all(calls, updates):
            # Redis answers and takes nothing now: slots are on their way, or the cluster is down.
            await asyncio.sleep(self._tuning.retry_delay)
        return result

    def _has_all(self, calls: Sequence[WriteCall], updates: SharedKeyUpdates) -> bool:
        """Return whether the node still has all of these keys."""
        keys = [book_key(call.symbol) for call in calls]
        keys += [SYMBOLS] * bool(updates.states) + [WAKE] * bool(updates.written)
        return all(self._nodes.of(key) is self._node for key in keys)

    async def _exchange(
        self, calls: Sequence[WriteCall], updates: SharedKeyUpdates
    ) -> list[object]:
        """Send everything once and return the replies; none if the node did not answer."""
        begun = monotonic()
        rest = [*_state_commands(updates), *self._wake_commands(calls, updates)]
        try:
            replies = await self._nodes.send(self._node, [*map(_by_digest, calls), *rest])
            if any(isinstance(reply, NoScriptError) for reply in replies):
                # A call that brings the script with it leaves it there for all that follow.
                replies = await self._nodes.send(self._node, [*map(_by_text, calls), *rest])
        except (RedisError, OSError) as error:
            self._note_unavailable(error)
            return []
        FLUSH_SECONDS.observe(monotonic() - begun)
        return replies

    def _wake_commands(
        self, calls: Sequence[WriteCall], updates: SharedKeyUpdates
    ) -> list[Command]:
        """Return the command that wakes readers, if this node has the stream for it."""
        if self._nodes.of(WAKE) is not self._node:
            return []
        written = dict.fromkeys(
            [*updates.written, *(call.symbol for call in calls if call.entries)]
        )
        if not written:
            return []
        return [("XADD", WAKE, "MAXLEN", "~", WAKE_MAXLEN, "*", "s", ",".join(written))]

    def _read_replies(
        self, calls: Sequence[WriteCall], updates: SharedKeyUpdates, replies: Sequence[object]
    ) -> SendResult:
        result = SendResult([], [], [], [], [], [])
        if not all(isinstance(reply, Exception) for reply in replies):
            self._note_available()
        for call, reply in zip(calls, replies, strict=False):
            if isinstance(reply, Exception):
                self._on_error(call, reply, result)
            else:
                self._on_written(call, parse_reply(cast("Sequence[Any]", reply)), result)
        rest = replies[len(calls) :]
        for symbol, reply in zip(updates.states, rest, strict=False):
            if not isinstance(reply, Exception):
                self._troubles.over(SYMBOLS, "redis writes this again")
            elif self._passes(reply):
                result.open_states.append(symbol)
            else:
                self._log_refused(SYMBOLS, reply)
                result.held_states.append(symbol)
        for reply in rest[len(updates.states) :]:
            self._on_wake(reply)
        return result

    def _on_written(self, call: WriteCall, written: Written, result: SendResult) -> None:
        self.clock.answered(written.redis_time)
        if written.repaired:
            self._log_repaired(call, written)
        if self._troubles.lasting:
            for name in (book_key(call.symbol), events_key(call.symbol), call.symbol, self._name):
                self._troubles.over(name, "redis writes this again")
        if call.entries and written.seq != call.last_seq:
            # Nobody else writes under this epoch, so somebody has moved the stream's seq, and the
            # script took these events for old ones.
            wrong = f"said that the stream stands at {written.seq}, which nobody wrote"
            self._troubles.say_repaired(book_key(call.symbol), wrong)
            result.refused.append((call, WriteRefusal("GAP", 0, written.seq)))
            return
        PUBLISHED.inc(call.entries)
        if call.entries:
            PUBLISH_LAG.observe((monotonic_ns() - call.since) / 1e9)
        result.written.append(call)

    def _log_repaired(self, call: WriteCall, written: Written) -> None:
        if "hash" in written.repaired:
            wrong = "its stream_epoch, stream_seq and stream_id could not be"
            self._troubles.say_repaired(book_key(call.symbol), wrong)
        if "stream" in written.repaired:
            wrong = "its last id lay ahead of any that may come, the entries before are deleted"
            self._troubles.say_repaired(events_key(call.symbol), wrong)

    def _on_error(self, call: WriteCall, error: Exception, result: SendResult) -> None:
        text = str(error)
        if refused := parse_refusal(text):
            REFUSALS.labels(refused.word).inc()
            result.refused.append((call, refused))
        elif corrupt := parse_corruption(text):
            REFUSALS.labels("CORRUPT").inc()
            self._troubles.say_corrupt(*corrupt)
            result.held_calls.append(call)
        elif self._passes(error):
            result.open_calls.append(call)
        else:
            self._log_refused(call.symbol, error)
            result.held_calls.append(call)

    def _passes(self, error: Exception) -> bool:
        """Return whether the same call may succeed in a moment."""
        if isinstance(error, ClusterDownError):
            self._note_unavailable(error)
            return True
        return isinstance(error, REDIRECTIONS)

    def _on_wake(self, reply: object) -> None:
        passing = (*REDIRECTIONS, ClusterDownError)
        if isinstance(reply, ResponseError) and not isinstance(reply, passing):
            self._log_refused(WAKE, reply)
        elif not isinstance(reply, Exception):
            self._troubles.over(WAKE, "redis writes this again")

    def _log_refused(self, name: str, error: Exception) -> None:
        """Log once that Redis does not write this key, or anything at all."""
        REDIS_ERRORS.inc()
        trouble = describe(error, self._node)
        if name in _TYPES and trouble.reason is Reason.WRONG_TYPE:
            self._troubles.say_corrupt(name, _TYPES[name])
        elif name == WAKE and "last possible ID" in trouble.text:
            self._troubles.say_corrupt(name, "has an id at the end of time")
        else:
            name = name if trouble.is_of_one_key else self._name
            self._troubles.say(name, "redis does not write this, trying on", error, self._node)

    def _note_available(self) -> None:
        if self._away:
            self._away = False
            self._troubles.over(f"{self._name} away", "redis is back, publishing goes on")

    def _note_unavailable(self, error: Exception) -> None:
        REDIS_ERRORS.inc()
        # Another server may take this one's place, with another clock.
        self.clock.forget()
        self._away = True
        event = "redis does not take writes, the books go on in memory"
        self._troubles.say(f"{self._name} away", event, error, self._node)


def _state_commands(updates: SharedKeyUpdates) -> list[Command]:
    return [
        ("HSET", SYMBOLS, symbol, encode_symbol_state(state))
        for symbol, state in updates.states.items()
    ]


def _by_digest(call: WriteCall) -> Command:
    return ("EVALSHA", WRITE.sha, *call.arguments)


def _by_text(call: WriteCall) -> Command:
    return ("EVAL", WRITE.text, *call.arguments)
