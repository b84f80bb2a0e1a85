"""Enforce the limits of callers: requests, streams, symbols, views, resumes and denials.

Views are counted in each replica, because they use its memory. Symbols are counted in each stream,
and all others in all replicas together.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, defaultdict
from collections.abc import AsyncIterator, Coroutine, Hashable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

from api.access.caller import Caller
from api.access.limits import LimitName, LimitReached, RequestTooLarge, caller_id, limits_of
from api.access.rates import Counters, Rates, Standing
from api.access.shared_redis import DEADLINE, PROBE_INTERVAL, SharedRedis
from api.access.stream_places import LEASE_SECONDS, RENEW_INTERVAL, StreamPlaces
from api.access.window_storage import WindowStorage
from kraken_book.access_keys import KeyLimits, digest_of
from runtime.redis.nodes import Nodes

# A guess: the time until another stream ends is unknown.
PLACE_SECONDS = 5.0
# A client that goes on after so many refusals gets each further one late. So a flood of refused
# requests costs little: a connection has one answer at a time.
PROMPT_REFUSALS = 10
LATE_SECONDS = 1.0

_RATE_WORDS: Mapping[LimitName, str] = {
    "requests": "requests a minute",
    "resumes": "resumes a minute from so far back that Redis must be read",
    "denials": "requests a minute without a valid key",
}
# Pairs of an address and a credential that was valid. Each takes about 300 bytes.
MAX_ACCEPTED = 20_000


class Limiter:
    """Counts what callers do, and refuses what exceeds their limits.

    Args:
        settings: The limits of callers whose key has none of its own; None is no limit.
        nodes: The Redis that all replicas share, which accepts writes.
        denials: The denied requests a minute of one address; None for no limit.
        deadline: Seconds for which a request waits for Redis at most.
        probe_interval: Seconds between two questions to a Redis that is away.
        lease_seconds: Seconds after which the streams of a dead replica no longer count.
        renew_interval: Seconds between two writes of the number of streams.
        late_seconds: Seconds by which refusals of a client that ignores them are late.
    """

    def __init__(
        self,
        settings: KeyLimits,
        nodes: Nodes,
        *,
        denials: int | None = None,
        deadline: float = DEADLINE,
        probe_interval: float = PROBE_INTERVAL,
        lease_seconds: float = LEASE_SECONDS,
        renew_interval: float = RENEW_INTERVAL,
        late_seconds: float = LATE_SECONDS,
    ) -> None:
        self._settings = settings
        self._denials = denials
        # In the order of their last use.
        self._accepted: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._late_seconds = late_seconds
        storage = WindowStorage(nodes)
        self._redis = SharedRedis(storage.check, deadline, probe_interval)
        counters = Counters(self._redis, storage)
        self._rates = {name: Rates(name, counters) for name in _RATE_WORDS}
        self._places = StreamPlaces(self._redis, nodes, lease_seconds, renew_interval)
        self._views: defaultdict[str, Counter[Hashable]] = defaultdict(Counter)

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """Return the coroutines to run for the life of the process."""
        return [self._redis.run(), self._places.run()]

    async def aclose(self) -> None:
        """Tell the other replicas that the streams of this one have ended."""
        await self._places.flush()

    def limits_of(self, caller: Caller) -> KeyLimits:
        """Return the limits of a caller."""
        return limits_of(caller, self._settings)

    async def count(self, name: Literal["requests", "resumes"], caller: Caller) -> Standing | None:
        """Count a request or a resume.

        Args:
            name: The limit.
            caller: The sender of the request.

        Returns:
            The rest of the limit; None if there is no limit.

        After too many, LimitReached is raised.
        """
        limits = self.limits_of(caller)
        allowed = limits.requests if name == "requests" else limits.resumes
        if allowed is None:
            return None
        standing = await self._rates[name].count(caller_id(caller), allowed)
        if not standing.is_allowed:
            raise await self._refusal(name, allowed, standing)
        return standing

    async def check_denials(self, sender: Caller, headers: Sequence[str]) -> None:
        """Raise LimitReached if the sender had too many denials to send another credential.

        A credential that was valid from the same address before may be sent in any case, so that
        others behind the address cannot lock its owner out.

        Args:
            sender: The address; its permission is not known yet.
            headers: The Authorization headers of its request.
        """
        if self._denials is None:
            return
        if _pair(sender, headers) in self._accepted:
            return
        standing = await self._rates["denials"].check(caller_id(sender), self._denials)
        if standing is not None:
            raise await self._refusal("denials", self._denials, standing)

    async def count_denial(self, sender: Caller, headers: Sequence[str]) -> None:
        """Count a denied request; raise LimitReached if there were too many."""
        if self._denials is None:
            return
        self._accepted.pop(_pair(sender, headers), None)
        standing = await self._rates["denials"].count(caller_id(sender), self._denials)
        if not standing.is_allowed:
            raise await self._refusal("denials", self._denials, standing)

    def note_accepted(self, sender: Caller, headers: Sequence[str]) -> None:
        """Note that the credential in `headers` is valid, and comes from this address."""
        if self._denials is None:
            return
        pair = _pair(sender, headers)
        self._accepted[pair] = None
        self._accepted.move_to_end(pair)
        if len(self._accepted) > MAX_ACCEPTED:
            self._accepted.popitem(last=False)

    async def _refusal(self, name: LimitName, allowed: int, standing: Standing) -> LimitReached:
        """Return the error to raise, late if the client ignores refusals."""
        if standing.refusals > PROMPT_REFUSALS:
            await asyncio.sleep(self._late_seconds)
        detail = f"{allowed} {_RATE_WORDS[name]} are allowed; wait as long as Retry-After says"
        return LimitReached(name, detail, allowed, standing.seconds)

    def check_symbols(self, caller: Caller, symbols: int) -> None:
        """Raise LimitReached if a stream of so many symbols is not allowed."""
        allowed = self.limits_of(caller).symbols
        if allowed is not None and symbols > allowed:
            detail = f"a stream may have {allowed} symbols, and this one would have {symbols}"
            raise RequestTooLarge("symbols", detail, allowed, None)

    @asynccontextmanager
    async def stream(self, caller: Caller, choice: Hashable | None) -> AsyncIterator[None]:
        """Hold a place for a stream within the context.

        Args:
            caller: The reader of the stream.
            choice: The symbols and the view; None if other readers of the book share its cost.

        Yields:
            Nothing.

        Raises:
            LimitReached: The caller has as many streams as are allowed.
        """
        limits, caller_key = self.limits_of(caller), caller_id(caller)
        with self._view(caller_key, limits.views, choice):
            allowed = limits.streams
            if allowed is None:
                yield
                return
            if not await self._places.take(caller_key, allowed):
                detail = f"{allowed} streams at once are allowed; close one first"
                raise LimitReached("streams", detail, allowed, PLACE_SECONDS)
            try:
                yield
            finally:
                self._places.give_back(caller_key)

    @contextmanager
    def _view(
        self, caller_key: str, allowed: int | None, choice: Hashable | None
    ) -> Iterator[None]:
        if allowed is None or choice is None:
            yield
            return
        views = self._views[caller_key]
        if choice not in views and len(views) >= allowed:
            detail = (
                f"{allowed} different choices of symbols and view are allowed at once; use one"
                " that you read already, or close a stream"
            )
            raise LimitReached("views", detail, allowed, PLACE_SECONDS)
        views[choice] += 1
        try:
            yield
        finally:
            views[choice] -= 1
            if not views[choice]:
                del views[choice]
            if not views:
                self._views.pop(caller_key, None)


def _pair(sender: Caller, headers: Sequence[str]) -> tuple[str, str]:
    """Return the identities of an address and of a credential, without either."""
    return caller_id(sender), digest_of("\n".join(headers))
