"""Requests to a venue's REST interface, within its limits.

All connections of a process share one client, because a venue counts by address. Requests wait in
order. If the venue answers 429 or 418, nothing is sent until the time that it says.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import NamedTuple, TypeAlias

import httpx

from kraken_book import __version__
from kraken_book.client.environment import proxy_for, trusted_certificates
from kraken_book.errors import Unusable
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

# It logs each request.
logging.getLogger("httpx").setLevel(logging.WARNING)

# Binance's list of all pairs is 13 MB, without compression.
MAX_BYTES = 64 * 2**20
TIMEOUT = 15.0
WORKERS = 4
# Requests that wait until those that nobody wants any more are dropped.
MAX_WAITING = 5000
MINUTE = 60.0
# Attempts of one request if the venue says that it is too much.
MAX_ATTEMPTS = 3
# The pause if the venue does not say how long, and the longest that is believed.
DEFAULT_PAUSE, MAX_PAUSE = {429: 60.0, 418: 300.0}, 3 * 24 * 3600.0
# The header with the weight of the present minute, by which other programs of this address count.
USED_WEIGHT = "x-mbx-used-weight-1m"


class RestFailed(Exception):
    """A request had no usable answer."""


Answer: TypeAlias = "bytes | RestFailed"


class _Request(NamedTuple):
    path: str
    weight: int
    on_answer: Callable[[Answer], None]
    is_wanted: Callable[[], bool]
    attempts: int = 0


def _always() -> bool:
    return True


class WeightBudget:
    """The weight of the last minute. Times are steady seconds, passed by the caller."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0
        self._paused_until = 0.0

    def wait(self, weight: int, now: float) -> float:
        """Return the seconds until a request of this weight may be made; 0 if it may now."""
        while self._taken and self._taken[0][0] + MINUTE <= now:
            self._sum -= self._taken.popleft()[1]
        wait = max(0.0, self._paused_until - now)
        if self._taken and self._sum + weight > self._per_minute:
            wait = max(wait, self._taken[0][0] + MINUTE - now)
        return wait

    def take(self, weight: int, now: float) -> None:
        """Count a request."""
        self._taken.append((now, weight))
        self._sum += weight

    def note_used(self, used: int, now: float) -> None:
        """Count the weight that other programs have used, by what the venue says."""
        if used > self._sum:
            self.take(used - self._sum, now)

    def pause(self, until: float) -> None:
        """Permit nothing before `until`."""
        self._paused_until = max(self._paused_until, until)


class RestClient:
    """Makes the requests of one venue.

    Args:
        venue: The venue's name.
        url: The address, without a path.
        weight_per_minute: The most weight of all requests in a minute.
    """

    def __init__(self, venue: str, url: str, weight_per_minute: int) -> None:
        self._url = url
        self._budget = WeightBudget(weight_per_minute)
        self._waiting: deque[_Request] = deque()
        self._has_work = asyncio.Event()
        self._log = LimitedLog(get_logger(f"collector.{venue}"))

    def ask(
        self,
        path: str,
        weight: int,
        on_answer: Callable[[Answer], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        """Make a request when its turn comes.

        Args:
            path: The path.
            weight: What it costs of the weight limit.
            on_answer: Called with the body or the error.
            is_wanted: Tells whether the answer is wanted. If it is not, the request is dropped, so
                that those of lost connections do not hold up others.
        """
        if len(self._waiting) >= MAX_WAITING:
            # In a long pause, connections may be lost and ask anew any number of times.
            self._waiting = deque(each for each in self._waiting if each.is_wanted())
        self._waiting.append(_Request(path, weight, on_answer, is_wanted))
        self._has_work.set()

    async def get(self, path: str, weight: int) -> bytes:
        """Return the body of a request, which is made before those that wait.

        A RestFailed is raised if there is no usable answer.
        """
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def on_answer(answer: Answer) -> None:
            if not answered.done():
                answered.set_result(answer)

        self._waiting.appendleft(_Request(path, weight, on_answer, _always))
        self._has_work.set()
        answer = await answered
        if isinstance(answer, RestFailed):
            raise answer
        return answer

    async def run(self) -> None:
        """Make requests until the task is cancelled."""
        async with (
            httpx.AsyncClient(
                base_url=self._url,
                timeout=TIMEOUT,
                transport=_transport_to(self._url),
                headers={"user-agent": f"kraken-book/{__version__}", "cache-control": "no-cache"},
            ) as client,
            asyncio.TaskGroup() as workers,
        ):
            for _ in range(WORKERS):
                workers.create_task(self._work(client))

    async def _work(self, client: httpx.AsyncClient) -> None:
        while True:
            while not self._waiting:
                self._has_work.clear()
                await self._has_work.wait()
            if not self._waiting[0].is_wanted():
                self._waiting.popleft()
                continue
            wait = self._budget.wait(self._waiting[0].weight, monotonic())
            if wait > 0:
                await asyncio.sleep(min(wait, 1.0))
                continue
            request = self._waiting.popleft()
            self._budget.take(request.weight, monotonic())
            answer = await self._answer(client, request)
            if answer is not None:
                request.on_answer(answer)

    async def _answer(self, client: httpx.AsyncClient, request: _Request) -> Answer | None:
        """Return the answer to a request; None if it waits again."""
        try:
            async with asyncio.timeout(TIMEOUT), client.stream("GET", request.path) as response:
                self._note_used(response.headers)
                if response.status_code in DEFAULT_PAUSE:
                    return self._pause(request, response)
                if response.status_code != httpx.codes.OK:
                    return RestFailed(f"{request.path}: status {response.status_code}")
                return await _read(response)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            return RestFailed(f"{request.path}: {str(error) or type(error).__name__}")

    def _pause(self, request: _Request, response: httpx.Response) -> Answer | None:
        seconds = _pause_of(response)
        self._budget.pause(monotonic() + seconds)
        self._log.warning(
            "venue limits requests, pausing them",
            status=response.status_code,
            seconds=round(seconds),
        )
        attempts = request.attempts + 1
        if attempts >= MAX_ATTEMPTS:
            return RestFailed(f"{request.path}: status {response.status_code}")
        self._waiting.appendleft(request._replace(attempts=attempts))
        self._has_work.set()
        return None

    def _note_used(self, headers: Mapping[str, str]) -> None:
        used = headers.get(USED_WEIGHT, "")
        if used.isascii() and used.isdigit():
            self._budget.note_used(int(used[:9]), monotonic())


class _NoTransport(httpx.AsyncBaseTransport):
    """Fails each request with the fault of an environment variable."""

    def __init__(self, fault: Unusable) -> None:
        self._fault = fault

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raise httpx.ProxyError, which names the variable."""
        raise httpx.ProxyError(str(self._fault), request=request)


def _transport_to(url: str) -> httpx.AsyncBaseTransport:
    """Return a transport with the proxy and the certificates of the environment."""
    try:
        return httpx.AsyncHTTPTransport(
            proxy=proxy_for(httpx.URL(url)),
            verify=trusted_certificates(),
            # httpx itself would end the program for a proxy that it rejects.
            trust_env=False,
        )
    except Unusable as fault:
        return _NoTransport(fault)


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MAX_BYTES:
            raise httpx.ReadError(f"more than {MAX_BYTES} bytes")
    return bytes(body)


def _pause_of(response: httpx.Response) -> float:
    said = response.headers.get("retry-after", "")
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), MAX_PAUSE)
    return DEFAULT_PAUSE[response.status_code]
