"""The sender of one node of Redis: sends calls of the write script together, until it answers.

If Redis does not answer a call, the same call is sent again. The script makes this safe.
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

from collector.feed.frame_trace import is_tracing
from collector.metrics import FLUSH_SECONDS, PUBLISH_LAG, PUBLISHED, REDIS_ERRORS, REFUSALS
from collector.publish.redis_clock import RedisClock
from collector.publish.shared_keys import SharedKeys, SharedKeyUpdates
from collector.publish.trace import trace_published, trace_sent
from collector.publish.troubles import Troubles
from collector.publish.tuning import Tuning
from kraken_book.backoff import Backoff
from kraken_book.contract.keys import WAKE_MAXLEN, book_key, events_key
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
from kraken_book.symbols import pair_of
from runtime.logs import get_logger
from runtime.redis.errors import Reason, describe
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# The longest delay before a node that does not answer is called again.
MAX_RETRY_DELAY = 1.0
# Answers about a key that has moved to another node, or is moving. They are no trouble of Redis.
REDIRECTIONS = (AskError, TryAgainError)


class SendResult(NamedTuple):
    """The results of the calls of one flush.

    Attributes:
        written: Calls that Redis carried out.
        refused: Calls that the write script refused.
        open_calls: Calls to send again at once.
        open_states: Symbols; send their states again at once.
        held_calls: Calls to send again later, because Redis answered with a lasting error.
        held_states: Symbols; send their states again later, for the same reason.
    """

    written: list[WriteCall]
    refused: list[tuple[WriteCall, WriteRefusal]]
    open_calls: list[WriteCall]
    open_states: list[str]
    held_calls: list[WriteCall]
    held_states: list[str]


class Sender:
    """Sends calls to one node until it answers.

    Args:
        nodes: All nodes of Redis.
        node: The node that is written to.
        shared_keys: The keys of states and wakes.
        troubles: Receives the errors of the node.
        tuning: Delays after errors.

    Attributes:
        clock: The node's clock, known from its answers.
    """

    def __init__(
        self,
        nodes: Nodes,
        node: RedisNode,
        shared_keys: SharedKeys,
        troubles: Troubles,
        tuning: Tuning,
    ) -> None:
        self._symbols_key, self._wake_key = shared_keys.symbols_key, shared_keys.wake_key
        # Descriptions of keys that have the wrong type.
        self._wrong_types = {self._symbols_key: "is no hash", self._wake_key: "is no stream"}
        self._nodes = nodes
        self._node = node
        self._troubles = troubles
        self._tuning = tuning
        self._is_unavailable = False
        # The time of the request that has no answer yet.
        self._asked_at: float | None = None
        self._name = f"redis {getattr(node, 'address', '')}".strip()
        # The subject of the trouble while the node does not answer; other troubles have `_name`.
        self._outage = f"{self._name} unavailable"
        self._backoff = Backoff(tuning.retry_delay / 2, MAX_RETRY_DELAY)
        self.clock = RedisClock()
        self._traces = is_tracing()

    @property
    def is_answering(self) -> bool:
        """Whether the node answers, and not too late."""
        if self._is_unavailable:
            return False
        return self._asked_at is None or monotonic() - self._asked_at < self._tuning.slow_answer

    def drop_troubles(self) -> None:
        """Drop the troubles of the node, which has gone."""
        for subject in (self._name, self._outage):
            self._troubles.drop(subject)

    async def ask_time(self) -> bool:
        """Ask for the node's time if it is not known; return whether it is known now."""
        if not self.clock.is_known:
            try:
                (reply,) = await self._ask([("TIME",)])
                if isinstance(reply, Exception):
                    raise reply
                seconds, microseconds = map(int, reply)
                self.clock.answered(seconds * 1_000_000 + microseconds)
            except (RedisError, OSError) as error:
                self._note_unavailable(error)
                await asyncio.sleep(self._backoff.next())
        return self.clock.is_known

    async def send(self, calls: Sequence[WriteCall], updates: SharedKeyUpdates) -> SendResult:
        """Send everything, repeatedly until the node answers.

        Returns:
            The results. If a key has moved to another node before an answer, all calls are open.
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
            # Redis accepts no call now: slots are moving, or the cluster is down.
            await asyncio.sleep(self._tuning.retry_delay)
        return result

    def _has_all(self, calls: Sequence[WriteCall], updates: SharedKeyUpdates) -> bool:
        """Return whether the node still has all of these keys."""
        keys = [book_key(call.symbol) for call in calls]
        keys += [self._symbols_key] * bool(updates.states) + [self._wake_key] * bool(
            updates.written
        )
        return all(self._nodes.of(key) is self._node for key in keys)

    async def _exchange(
        self, calls: Sequence[WriteCall], updates: SharedKeyUpdates
    ) -> list[object]:
        """Send everything once and return the replies; an empty list if none came."""
        begun = monotonic()
        if self._traces:
            trace_sent(calls)
        rest = [*self._state_commands(updates), *self._wake_commands(calls, updates)]
        try:
            replies = await self._ask([*map(_by_digest, calls), *rest])
            if NoScriptError in map(type, replies):
                # EVAL also stores the script for later calls.
                replies = await self._ask([*map(_by_text, calls), *rest])
        except (RedisError, OSError) as error:
            self._note_unavailable(error)
            return []
        FLUSH_SECONDS.observe(monotonic() - begun)
        return replies

    async def _ask(self, commands: Sequence[Command]) -> list[Any]:
        self._asked_at = monotonic()
        try:
            return await self._nodes.send(self._node, commands)
        finally:
            self._asked_at = None

    def _state_commands(self, updates: SharedKeyUpdates) -> list[Command]:
        return [
            ("HSET", self._symbols_key, pair_of(symbol), encode_symbol_state(state))
            for symbol, state in updates.states.items()
        ]

    def _wake_commands(
        self, calls: Sequence[WriteCall], updates: SharedKeyUpdates
    ) -> list[Command]:
        """Return the command that wakes readers, if this node has the wake stream."""
        if self._nodes.of(self._wake_key) is not self._node:
            return []
        written = dict.fromkeys(
            [*updates.written, *[call.symbol for call in calls if call.entries]]
        )
        if not written:
            return []
        names = ",".join(map(pair_of, written))
        return [("XADD", self._wake_key, "MAXLEN", "~", WAKE_MAXLEN, "*", "s", names)]

    def _read_replies(
        self, calls: Sequence[WriteCall], updates: SharedKeyUpdates, replies: Sequence[object]
    ) -> SendResult:
        result = SendResult([], [], [], [], [], [])
        if self._is_unavailable and not all(isinstance(reply, Exception) for reply in replies):
            self._note_available()
        for call, reply in zip(calls, replies, strict=False):
            if isinstance(reply, Exception):
                self._on_error(call, reply, result)
            else:
                self._on_written(call, parse_reply(cast("Sequence[Any]", reply)), result)
        rest = replies[len(calls) :]
        for symbol, reply in zip(updates.states, rest, strict=False):
            if not isinstance(reply, Exception):
                self._end_trouble(self._symbols_key)
            elif self._is_passing(reply):
                result.open_states.append(symbol)
            else:
                self._log_refused(self._symbols_key, reply)
                result.held_states.append(symbol)
        for reply in rest[len(updates.states) :]:
            self._on_wake(reply)
        return result

    def _on_written(self, call: WriteCall, written: Written, result: SendResult) -> None:
        self.clock.answered(written.redis_time)
        if written.repaired:
            self._log_repaired(call, written)
        if self._troubles.has_lasting:
            for name in (book_key(call.symbol), events_key(call.symbol), call.symbol, self._name):
                self._end_trouble(name)
        if call.entries and written.seq != call.last_seq:
            # No other collector writes under this epoch, so another program has changed the
            # stream's seq, and the script took these events for old ones.
            wrong = f"had stream_seq {written.seq}, which no collector wrote"
            self._troubles.log_repaired(book_key(call.symbol), wrong)
            result.refused.append((call, WriteRefusal("GAP", 0, written.seq)))
            return
        PUBLISHED.inc(call.entries)
        if call.entries:
            lag = (monotonic_ns() - call.since) / 1e9
            PUBLISH_LAG.observe_event(lag, call.symbol, written.last_id)
            if self._traces:
                trace_published(call, written.last_id)
        result.written.append(call)

    def _log_repaired(self, call: WriteCall, written: Written) -> None:
        if "hash" in written.repaired:
            wrong = "had an invalid stream_epoch, stream_seq or stream_id"
            self._troubles.log_repaired(book_key(call.symbol), wrong)
        if "stream" in written.repaired:
            wrong = "had a last id far ahead of the clock, its entries are deleted"
            self._troubles.log_repaired(events_key(call.symbol), wrong)

    def _on_error(self, call: WriteCall, error: Exception, result: SendResult) -> None:
        text = str(error)
        if refused := parse_refusal(text):
            REFUSALS.labels(refused.word).inc()
            result.refused.append((call, refused))
        elif corrupt := parse_corruption(text):
            REFUSALS.labels("CORRUPT").inc()
            self._troubles.begin_corrupt(*corrupt)
            result.held_calls.append(call)
        elif self._is_passing(error):
            result.open_calls.append(call)
        else:
            self._log_refused(call.symbol, error)
            result.held_calls.append(call)

    def _is_passing(self, error: Exception) -> bool:
        """Return whether the same call may succeed soon."""
        if isinstance(error, ClusterDownError):
            self._note_unavailable(error)
            return True
        return isinstance(error, REDIRECTIONS)

    def _on_wake(self, reply: object) -> None:
        passing = (*REDIRECTIONS, ClusterDownError)
        if isinstance(reply, ResponseError) and not isinstance(reply, passing):
            self._log_refused(self._wake_key, reply)
        elif not isinstance(reply, Exception):
            self._end_trouble(self._wake_key)

    def _end_trouble(self, subject: str) -> None:
        if self._troubles.end(subject):
            log.info("redis write works again", subject=subject)

    def _log_refused(self, name: str, error: Exception) -> None:
        """Log once that Redis does not write this key, or no key at all."""
        REDIS_ERRORS.inc()
        trouble = describe(error, self._node)
        if name in self._wrong_types and trouble.reason is Reason.WRONG_TYPE:
            self._troubles.begin_corrupt(name, self._wrong_types[name])
            return
        if name == self._wake_key and "last possible ID" in trouble.text:
            self._troubles.begin_corrupt(name, "has the largest possible id")
            return
        subject = name if trouble.is_of_one_key else self._name
        if fields := self._troubles.begin(subject, error, self._node):
            log.error("redis write failed, retrying", **fields)

    def _note_available(self) -> None:
        self._is_unavailable = False
        if self._troubles.end(self._outage):
            log.info("redis available again", subject=self._outage)

    def _note_unavailable(self, error: Exception) -> None:
        REDIS_ERRORS.inc()
        # A server with another clock may replace this one.
        self.clock.forget()
        self._is_unavailable = True
        if fields := self._troubles.begin(self._outage, error, self._node):
            log.error("redis unavailable, events wait in memory", **fields)


def _by_digest(call: WriteCall) -> Command:
    return ("EVALSHA", WRITE.sha, *call.arguments)


def _by_text(call: WriteCall) -> Command:
    return ("EVAL", WRITE.text, *call.arguments)
