"""The key set of an issuer at an address, fetched in the background and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic

import httpx

from api.access.tokens import MAX_KEY_BYTES, KeySet, VerificationKey
from api.store.errors import IssuerAway
from api.store.metrics import TOKEN_KEYS_UP
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
        timeout: Seconds that a fetch may take.
    """

    def __init__(
        self,
        url: str,
        client: httpx.AsyncClient,
        clock: Callable[[], float] = monotonic,
        timeout: float = FETCH_TIMEOUT,
    ) -> None:
        self._timeout = timeout
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._fault: str | None = None

    async def key_for(self, key_id: str | None) -> VerificationKey | None:
        """Return the key with this id, None if it is unknown; fetch the set again for it."""
        found = self._keys.find(key_id) if self._keys else None
        if found is None:
            await self.refresh()
            found = self._keys.find(key_id) if self._keys else None
        return found

    def has(self, signer: str) -> bool:
        """Return whether there is a key with this digest."""
        return self._keys is not None and self._keys.has(signer)

    async def refresh(self) -> None:
        """Fetch the set again, unless that was done lately.

        Raises:
            IssuerAway: The set could not be fetched yet.
        """
        is_old = self._clock() - self._fetched_at >= UNKNOWN_KEY_INTERVAL
        if is_old or self._fetching is not None:
            await self._fetch_once()
        if self._keys is None:
            raise IssuerAway

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
            async with asyncio.timeout(self._timeout):
                self._keys = KeySet.parse(await self._read())
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, Unusable) as error:
            fault = str(error) or type(error).__name__
            TOKEN_KEYS_UP.set(0)
            if fault != self._fault:
                log.error("key set not fetched", url=self._url, error=fault[:200])
            self._fault = fault
        else:
            if self._fault is not None:
                log.info("key set fetched again", url=self._url)
            self._fault = None
            TOKEN_KEYS_UP.set(1)
        finally:
            self._fetched_at = self._clock()
            self._fetching = None

    async def _read(self) -> bytes:
        content = b""
        # A compressed answer could be far larger than what arrives.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream("GET", self._url, headers=headers) as response:
            if response.status_code != HTTPStatus.OK:
                raise Unusable(f"the answer has the status {response.status_code}, not 200")
            async for part in response.aiter_raw():
                content += part
                if len(content) > MAX_KEY_BYTES:
                    raise Unusable(f"the answer has more than {MAX_KEY_BYTES} bytes")
        return content
