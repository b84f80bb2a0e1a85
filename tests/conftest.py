"""What every folder of tests may use: a real Redis, and recordings."""

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


# Certificates of whoever runs the tests: every client of ours would load them, in 20 ms of CPU.
for _name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
    os.environ.pop(_name, None)


# A machine that others use too is no reason to fail.
settings.register_profile("without a stop-watch", deadline=None)
settings.load_profile("without a stop-watch")


# Each worker collects every test, a quarter of which was a search for garbage that is not there.
gc.disable()


pytest_plugins = ["tests.child_processes", "tests.longest_first"]


def pytest_collection_finish() -> None:
    """Let garbage be collected from now on, but not among the collected tests and modules."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Undo what a test does to the log of its process, which later tests share.

    Some call a program's `main`, which configures the log for good.
    """
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
    """A real, empty Redis that stays up; tests that stop or freeze one start their own."""
    return _emptied(_session_redis.url)


@pytest.fixture(scope="session")
def _session_fake_redis() -> Iterator[FakeRedis]:
    # Imported by the tests that use it alone: 0.16 s of CPU.
    from lab.fake_redis import fake_redis

    with fake_redis() as server:
        yield server


@pytest.fixture
def fake_redis_url(_session_fake_redis: FakeRedis) -> str:
    """An empty fakeredis, for tests that need no messages unasked and no INFO."""
    _session_fake_redis.empty()
    return _session_fake_redis.url


@pytest.fixture
def redis_url(real_redis_url: str) -> str:
    """The Redis of a test: a real one, unless the conftest of its folder says otherwise."""
    return real_redis_url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of that Redis."""
    client = connect_redis(redis_url)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def fork_server(child_processes: None) -> Iterator[ForkServer]:
    """Starts the services of all tests of this worker."""
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
