"""Fixtures for all tests: real and fake Redis servers, a fork server, recordings."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from lab.fork_server import ForkServer
from lab.recordings import FindRecording, find_recording
from launcher.embedded_redis import EmbeddedRedis
from runtime.redis.client import connect_redis

if TYPE_CHECKING:
    from lab.fake_redis import FakeRedis


# The developer's certificates must not matter, and each client would load them, in 20 ms of CPU.
for _name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
    os.environ.pop(_name, None)


# A slow machine must not fail a test.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


# Each worker collects every test. A quarter of that time is spent on garbage collection.
gc.disable()


pytest_plugins = ["tests.child_processes", "tests.longest_first", "tests.workers"]


def pytest_collection_finish() -> None:
    """Enable garbage collection again, without the collected tests and modules."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """Undo the logging setup of a test that calls a program's `main`."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if structlog.is_configured():
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def _session_redis(child_processes: None) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
def real_redis_url(_session_redis: EmbeddedRedis) -> str:
    """Return the URL of a real, empty Redis; tests that stop or freeze a server start their own."""
    return _emptied(_session_redis.url)


@pytest.fixture(scope="session")
def _session_fake_redis() -> Iterator[FakeRedis]:
    # Imported here, because it takes 0.16 s of CPU and few files need it.
    from lab.fake_redis import fake_redis

    with fake_redis() as server:
        yield server


@pytest.fixture
def fake_redis_url(_session_fake_redis: FakeRedis) -> str:
    """Return the URL of an empty fakeredis, which has no pub/sub messages and no INFO."""
    _session_fake_redis.empty()
    return _session_fake_redis.url


@pytest.fixture
def redis_url(real_redis_url: str) -> str:
    """Return the URL of a test's Redis: a real one, unless its folder's conftest overrides this."""
    return real_redis_url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """Yield a client of the test's Redis."""
    client = connect_redis(redis_url)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def fork_server(child_processes: None) -> Iterator[ForkServer]:
    """Yield the fork server for all services that the tests of this worker start."""
    with ForkServer() as server:
        yield server


def _emptied(url: str) -> str:
    with SyncRedis.from_url(url) as client:
        client.flushall()
        client.script_flush()
    return url


@pytest.fixture
def recorded() -> FindRecording:
    """Return the file of a recording of Kraken's frames; skip if this machine does not have it."""

    def find(name: str) -> Path:
        path = find_recording(name)
        if path is None:
            pytest.skip(f"{name} is not beside the repository")
        return path

    return find
