"""Calls of the write script on their way to Redis: sent together, each answered or still open.

Nothing here is decided by guessing: a call that Redis did not answer is sent again to the letter,
which the script makes safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import NamedTuple, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import NoScriptError, RedisError

from collector.metrics import FLUSH_SECONDS, PUBLISHED, REDIS_ERRORS, REFUSALS
from collector.redis_clock import RedisClock
from kraken_book.redis_contract.keys import SYMBOLS, WAKE, WAKE_MAXLEN
from kraken_book.redis_contract.script import WRITE
from kraken_book.redis_contract.symbol_state import SymbolState, encode_symbol_state
from kraken_book.redis_contract.write import Refused, WriteCall, parse_refusal, parse_reply
from service.logs import get_logger

log = get_logger(__name__)

RETRY_SECONDS = 0.25


class Delivered(NamedTuple):
    """What became of one sending: what the script refused, and what Redis did not carry out."""

    refused: list[tuple[WriteCall, Refused]]
    open_calls: list[WriteCall]
    open_states: list[str]


class Delivery:
    """Brings calls to Redis, however long that takes; `clock` learns Redis's time from answers."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._away = False
        self._stuck: set[str] = set()
        self.clock = RedisClock()

    async def ask_time(self) -> None:
        """Return once Redis has told its time."""
        while not self.clock.known:
            try:
                seconds, microseconds = await self._redis.time()
                self.clock.answered(seconds * 1_000_000 + microseconds)
            except (RedisError, OSError) as error:
                self._say_away(error)
                await asyncio.sleep(RETRY_SECONDS)

    async def deliver(
        self, calls: Sequence[WriteCall], states: Mapping[str, SymbolState]
    ) -> Delivered:
        """Send everything, again and again until Redis answers; returns what it answered."""
        replies = await self._send(calls, states)
        while not replies:
            await asyncio.sleep(RETRY_SECONDS)
            replies = await self._send(calls, states)
        delivered = self._read(calls, states, replies)
        if len(delivered.open_calls) == len(calls) > 0:
            # Redis answers and takes nothing: it is loading, full, or a replica.
            await asyncio.sleep(RETRY_SECONDS)
        return delivered

    async def _send(
        self, calls: Sequence[WriteCall], states: Mapping[str, SymbolState]
    ) -> list[object]:
        """Redis's replies to one sending of everything; none where it did not answer."""
        begun = monotonic()
        try:
            replies = await self._pipeline(calls, states).execute(raise_on_error=False)
            if any(isinstance(reply, NoScriptError) for reply in replies):
                await self._redis.script_load(WRITE.text)
                replies = await self._pipeline(calls, states).execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            self._say_away(error)
            return []
        FLUSH_SECONDS.observe(monotonic() - begun)
        return list(replies)

    def _pipeline(self, calls: Sequence[WriteCall], states: Mapping[str, SymbolState]) -> Pipeline:
        pipeline = self._redis.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command("EVALSHA", WRITE.sha, *call.arguments)
        for symbol, state in states.items():
            pipeline.hset(SYMBOLS, symbol, encode_symbol_state(state))
        written = ",".join(call.symbol for call in calls if call.entries)
        if written:
            pipeline.xadd(WAKE, {"s": written}, maxlen=WAKE_MAXLEN)
        return pipeline

    def _read(
        self,
        calls: Sequence[WriteCall],
        states: Mapping[str, SymbolState],
        replies: Sequence[object],
    ) -> Delivered:
        delivered = Delivered([], [], [])
        errors: dict[str, Exception] = {}
        for call, reply in zip(calls, replies, strict=False):
            if not isinstance(reply, Exception):
                self._on_written(call, cast("Sequence[int]", reply))
            elif refused := parse_refusal(str(reply)):
                REFUSALS.labels(refused.word).inc()
                delivered.refused.append((call, refused))
            else:
                errors[call.symbol] = reply
                delivered.open_calls.append(call)
        for symbol, reply in zip(states, replies[len(calls) :], strict=False):
            if isinstance(reply, Exception):
                errors[SYMBOLS] = reply
                delivered.open_states.append(symbol)
        self._say_stuck(errors)
        return delivered

    def _on_written(self, call: WriteCall, reply: Sequence[int]) -> None:
        self.clock.answered(parse_reply(reply).redis_time)
        PUBLISHED.inc(call.entries)
        if call.symbol in self._stuck:
            self._stuck.discard(call.symbol)
            log.info("redis writes this again", what=call.symbol)
        if self._away:
            self._away = False
            log.info("redis is back, publishing goes on")

    def _say_stuck(self, errors: Mapping[str, Exception]) -> None:
        """Say once of each symbol, or of `kraken:symbols`, that Redis does not write it."""
        REDIS_ERRORS.inc(len(errors))
        for name in errors.keys() - self._stuck:
            log.error("redis does not write this, trying on", what=name, error=str(errors[name]))
        self._stuck |= errors.keys()

    def _say_away(self, error: Exception) -> None:
        REDIS_ERRORS.inc()
        if not self._away:
            self._away = True
            log.error("redis does not take writes, the books go on in memory", error=str(error))
