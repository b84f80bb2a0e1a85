"""The key set of an issuer at an address, fetched in the background and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import httpx

from api.access.tokens import MAX_KEY_BYTES, KeySet, VerificationKey
from kraken_book.errors import Unusable
from runtime.logs import get_logger

log = get_logger(__name__)

FETCH_INTERVAL = 300.0
FETCH_TIMEOUT = 5.0
# An unknown key may be new at the issuer. The set is fetched again for it, at most this often.
UNKNOWN_KEY_INTERVAL = 30.0
RETRY_INTERVAL = 10.0


class RemoteKeys:
    """The public keys at an address.

    The keys of the last good answer stay in force while the issuer does not answer.

    Args:
        url: The address of the JSON Web Key Set.
        client: Sends the requests.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, url: str, client: httpx.AsyncClient, clock: Callable[[], float] = monotonic
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._fault: str | None = None

    async def key_for(self, key_id: str | None) -> VerificationKey | None:
        """Return the key with this id; fetch the set again if it is unknown."""
        found = self._keys.find(key_id) if self._keys else None
        if found is None and self._clock() - self._fetched_at >= UNKNOWN_KEY_INTERVAL:
            await self._fetch_once()
            found = self._keys.find(key_id) if self._keys else None
        return found

    async def run(self) -> None:
        """Fetch the set at once and then at intervals, until the task is cancelled."""
        while True:
            await self._fetch_once()
            await asyncio.sleep(FETCH_INTERVAL if self._fault is None else RETRY_INTERVAL)

    async def _fetch_once(self) -> None:
        """Fetch the set, or wait for the fetch that is under way."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        # A caller that leaves must not end the fetch for the others.
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                self._keys = KeySet.parse(await self._read())
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, Unusable) as error:
            fault = str(error) or type(error).__name__
            if fault != self._fault:
                log.error("key set not fetched", url=self._url, error=fault[:200])
            self._fault = fault
        else:
            if self._fault is not None:
                log.info("key set fetched again", url=self._url)
            self._fault = None
        finally:
            self._fetched_at = self._clock()
            self._fetching = None

    async def _read(self) -> bytes:
        content = b""
        async with self._client.stream("GET", self._url) as response:
            response.raise_for_status()
            async for part in response.aiter_bytes():
                content += part
                if len(content) > MAX_KEY_BYTES:
                    raise Unusable(f"the answer has more than {MAX_KEY_BYTES} bytes")
        return content
