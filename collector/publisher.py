"""Writes what waits in the outboxes to Redis: one flush at a time, each event once.

While a flush is under way, events gather for the next; so writes batch by themselves under load and
go out at once without it. A call whose outcome is unknown is repeated to the letter until Redis
answers it; the script makes that safe.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from collector.metrics import FLUSH_SECONDS, PUBLISHED, REDIS_ERRORS, REFUSALS, WAITING
from collector.outbox import Outbox
from collector.redis_clock import RedisClock
from collector.stamp import Stamp
from kraken_book.redis_contract.keys import SYMBOLS, WAKE, WAKE_MAXLEN
from kraken_book.redis_contract.script import WRITE
from kraken_book.redis_contract.symbol_state import SymbolState, encode_symbol_state
from kraken_book.redis_contract.write import (
    Refused,
    Retention,
    WriteCall,
    Written,
    parse_refusal,
    parse_reply,
)
from service.logs import get_logger

log = get_logger(__name__)

RETRY_SECONDS = 0.25
# A quiet book's age is renewed so often; readers take a book for stale after API_MAX_AGE, 10 s.
TOUCH_SECONDS = 1.0
# All symbols are looked over so often, also when nothing waits.
ROUND_SECONDS = 0.5


class Publisher:
    """The one writer of its books; closed until it leads.

    `read` tells when the newest frame of a symbol's connection was read, None where that connection
    is down or silent. `on_fenced` is called when a newer epoch has written.
    """

    def __init__(
        self,
        redis: Redis,
        retention: Retention,
        shard: str,
        read: Callable[[str], Stamp | None],
    ) -> None:
        self._redis = redis
        self._retention = retention
        self._shard = shard
        self._read = read
        self.on_fenced: Callable[[int], None] = lambda _epoch: None
        self._clock = RedisClock()
        self._outboxes: dict[str, Outbox] = {}
        self._waiting: dict[str, Outbox] = {}
        self._states: dict[str, SymbolState] = {}
        self._next_round = 0.0
        self._next_epoch: int | None = None
        self._written_at: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._away = False
        self.leading = False

    def add(self, outbox: Outbox) -> None:
        """Write what comes to wait in `outbox`."""
        self._outboxes[outbox.symbol] = outbox

    def on_waiting(self, outbox: Outbox) -> None:
        """Something waits in `outbox`."""
        self._waiting[outbox.symbol] = outbox
        self._wake.set()

    def lead(self, epoch: int) -> None:
        """Write from now on, under `epoch`, beginning with every book or its absence.

        What waits of an earlier epoch of ours is still written under that one: where nobody else
        has led in between, nothing is lost.
        """
        self._next_epoch = epoch
        if not self.leading:
            self.leading = True
            self._open_next()
        self._wake.set()

    def follow(self) -> None:
        """Write no more."""
        self.leading = False
        self._next_epoch = None
        self._waiting.clear()
        for outbox in self._outboxes.values():
            outbox.close()

    async def run(self) -> None:
        """Flush whenever something waits, and at least every half second, for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._wake.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits now, and return when Redis has answered for it."""
        async with self._flushing:
            self._wake.clear()
            if self.leading:
                await self._flush()

    async def drain(self) -> None:
        """Write until nothing waits."""
        await self.flush()
        while self._waiting:
            await self.flush()

    async def _flush(self) -> None:
        if not self._clock.known:
            await self._ask_time()
        outboxes, self._waiting = list(self._waiting.values()), {}
        calls = self._take(outboxes)
        if self._next_epoch is not None and not self._waiting:
            self._open_next()
        if monotonic() >= self._next_round:
            self._next_round = monotonic() + ROUND_SECONDS
            outboxes = list(self._outboxes.values())
            WAITING.set(sum(outbox.waiting for outbox in outboxes))
            calls += self._touch(outboxes)
        states = self._changed_states(outboxes)
        if calls or states:
            await self._deliver(calls, states)

    def _open_next(self) -> None:
        assert self._next_epoch is not None
        epoch, self._next_epoch = self._next_epoch, None
        self._states.clear()
        for outbox in self._outboxes.values():
            outbox.open(epoch)

    def _take(self, outboxes: Iterable[Outbox]) -> list[WriteCall]:
        now = monotonic()
        calls = []
        for outbox in outboxes:
            call = outbox.take(self._confirmed_at(outbox), self._retention)
            if call is not None:
                calls.append(call)
                self._written_at[outbox.symbol] = now
        return calls

    def _touch(self, outboxes: Iterable[Outbox]) -> list[WriteCall]:
        now = monotonic()
        calls = []
        for outbox in outboxes:
            if now - self._written_at.get(outbox.symbol, 0.0) < TOUCH_SECONDS:
                continue
            if not outbox.book.live or self._read(outbox.symbol) is None:
                continue
            call = outbox.touch(self._confirmed_at(outbox), self._retention)
            if call is not None:
                calls.append(call)
                self._written_at[outbox.symbol] = now
        return calls

    def _confirmed_at(self, outbox: Outbox) -> str:
        # Whatever came on the connection after the book's own last frame confirms the book too.
        return self._clock.text(self._read(outbox.symbol) or outbox.book.read)

    def _changed_states(self, outboxes: Iterable[Outbox]) -> dict[str, SymbolState]:
        changed = {}
        for outbox in outboxes:
            state = outbox.book.state(self._shard)
            if self._states.get(outbox.symbol) != state:
                self._states[outbox.symbol] = changed[outbox.symbol] = state
        return changed

    async def _deliver(self, calls: list[WriteCall], states: Mapping[str, SymbolState]) -> None:
        """Send `calls` until each is answered."""
        written = ",".join(call.symbol for call in calls if call.entries)
        while True:
            replies = await self._send(calls, states, written)
            unsettled = [
                call
                for call, reply in zip(calls, replies, strict=False)
                if not self._settle(call, reply)
            ]
            if replies and not unsettled:
                return
            calls = unsettled if replies else calls
            if not any(isinstance(reply, NoScriptError) for reply in replies):
                await asyncio.sleep(RETRY_SECONDS)

    async def _send(
        self, calls: Sequence[WriteCall], states: Mapping[str, SymbolState], written: str
    ) -> list[object]:
        """Redis's replies to one sending of everything; none where it did not answer."""
        pipeline = self._redis.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command("EVALSHA", WRITE.sha, *call.arguments)
        for symbol, state in states.items():
            pipeline.hset(SYMBOLS, symbol, encode_symbol_state(state))
        if written:
            pipeline.xadd(WAKE, {"s": written}, maxlen=WAKE_MAXLEN)
        begun = monotonic()
        try:
            replies: list[object] = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            self._say_away(error)
            return []
        FLUSH_SECONDS.observe(monotonic() - begun)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            await self._load_script()
        return replies

    def _settle(self, call: WriteCall, reply: object) -> bool:
        """Take Redis's answer to `call`; False where it was none and the call is to be repeated."""
        if isinstance(reply, NoScriptError):
            return False
        if not isinstance(reply, Exception):
            self._on_written(call, parse_reply(cast("Sequence[int]", reply)))
            return True
        refused = parse_refusal(str(reply))
        if refused is None:
            self._say_away(reply)
            return False
        self._on_refused(call, refused)
        return True

    def _on_written(self, call: WriteCall, written: Written) -> None:
        self._clock.answered(written.redis_time)
        PUBLISHED.inc(call.entries)
        if self._away:
            self._away = False
            log.info("redis is back, publishing goes on")

    def _on_refused(self, call: WriteCall, refused: Refused) -> None:
        REFUSALS.labels(refused.word).inc()
        log.warning("write refused", symbol=call.symbol, refusal=refused.word, place=refused[1:])
        if refused.word == "FENCED":
            self.follow()
            self.on_fenced(refused.epoch)
        else:
            self._outboxes[call.symbol].refused(refused)

    async def _load_script(self) -> None:
        try:
            await self._redis.script_load(WRITE.text)
        except (RedisError, OSError) as error:
            self._say_away(error)

    async def _ask_time(self) -> None:
        while not self._clock.known:
            try:
                seconds, microseconds = await self._redis.time()
                self._clock.answered(seconds * 1_000_000 + microseconds)
            except (RedisError, OSError) as error:
                self._say_away(error)
                await asyncio.sleep(RETRY_SECONDS)

    def _say_away(self, error: Exception) -> None:
        REDIS_ERRORS.inc()
        if not self._away:
            self._away = True
            log.error("redis does not take writes, the books go on in memory", error=str(error))
