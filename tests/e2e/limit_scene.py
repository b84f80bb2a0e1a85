"""Limits and tickets of two replicas over any Redis: alone, a Cluster, behind a Sentinel or TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kraken_book.access_keys import AccessKey, digest_of, render_key_file
from lab.ports import free_port
from lab.services import Api
from lab.sse.stream import SseStream, StreamRefusedError, stream_path
from lab.stage import Stage
from lab.waiting import wait_until

REQUESTS, STREAMS, DENIALS = 5, 1, 2
SYMBOL = "BTC/USD"
# Enough that their keys in Redis are on all nodes of a small cluster.
CALLERS = 8
MAX_CALLERS = 400


class SharedLimits:
    """Two replicas that need keys and have limits."""

    def __init__(self, stage: Stage, redis_url: str, folder: Path) -> None:
        keys = folder / "limited-keys.json"
        found = [AccessKey(f"key{n}", digest_of(f"kb_{n}")) for n in range(MAX_CALLERS)]
        keys.write_bytes(render_key_file(found))
        self.replicas = [
            stage.api(
                redis_url,
                module="lab.patient_api",
                API_OPS_PORT=str(free_port()),
                API_KEYS_FILE=str(keys),
                API_LIMIT_REQUESTS=str(REQUESTS),
                API_LIMIT_STREAMS=str(STREAMS),
                API_LIMIT_DENIALS=str(DENIALS),
                API_TRUSTED_PROXIES="127.0.0.1",
                API_MAX_AGE="3600",
            )
            for _ in range(2)
        ]
        self._numbers = iter(range(MAX_CALLERS))

    def assert_shared(self) -> None:
        """Assert that the counts of several callers are exact at both replicas together.

        A replica may have counted alone at first, because its first call of a node was late. So a
        caller of whom that is true is replaced by another one.
        """
        wait_until(self._are_shared, "both replicas count in Redis")
        for _ in range(CALLERS):
            wait_until(self._counts_exactly, "both replicas count another caller together")
        assert self._are_shared()

    def _are_shared(self) -> bool:
        return all(api.metric("kraken_book_limits_shared") for api in self.replicas)

    def _counts_exactly(self) -> bool:
        number = next(self._numbers)
        statuses = list(self._statuses(f"kb_{number}", f"192.0.2.{number}"))
        return statuses == [201, 200, 429, 200, 200, 429, 429, 401, 401, 429, 429]

    def _statuses(self, key: str, address: str) -> Iterator[int]:
        one, other = self.replicas
        headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": address}
        # A ticket of one replica opens a stream at the other, the only one of its key.
        answer = one.http.post("/tickets", headers=headers)
        yield answer.status_code
        ticket = answer.json().get("ticket", "none")
        path = f"{stream_path(SYMBOL)}?ticket={ticket}"
        try:
            with SseStream(other.url, path, {"X-Forwarded-For": address}):
                yield 200
                yield _status_of_stream(one, headers)
        except StreamRefusedError as error:
            yield error.status
        # The requests of the minute: three so far.
        yield from (self._ask(api, headers) for api in (one, other, one, other))
        wrong = {**headers, "Authorization": "Bearer kb_wrong"}
        yield from (self._ask(api, wrong) for api in (one, other, one, other))

    def _ask(self, api: Api, headers: dict[str, str]) -> int:
        return api.get("/symbols", headers=headers).status_code


def _status_of_stream(api: Api, headers: dict[str, str]) -> int:
    # A request by httpx would not end if the stream opens.
    try:
        with SseStream(api.url, stream_path(SYMBOL), headers):
            return 200
    except StreamRefusedError as error:
        return error.status
