"""The Redis of a run: the one that REDIS_URL names, else an embedded one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis.exceptions import RedisError

from launcher.embedded_redis import EmbeddedRedis
from launcher.errors import CannotStartError
from launcher.settings import LauncherSettings
from runtime.redis.client import connect_nodes
from runtime.redis.url import without_password


@dataclass(frozen=True)
class RedisSource:
    """Where Redis is; `process` is its server where that is ours."""

    url: str
    process: subprocess.Popen[bytes] | None = None


@contextmanager
def redis_for(settings: LauncherSettings) -> Iterator[RedisSource]:
    """A Redis that answers, for as long as the context lasts; CannotStartError if there is none."""
    if settings.redis_url is not None:
        asyncio.run(_require_answer(settings.redis_url))
        yield RedisSource(settings.redis_url)
    else:
        with EmbeddedRedis() as redis:
            yield RedisSource(redis.url, redis.process)


async def _require_answer(url: str) -> None:
    nodes = connect_nodes(url, timeout=3.0)
    try:
        await nodes.ping()
    except (RedisError, OSError) as error:
        raise CannotStartError(
            f"REDIS_URL={without_password(url)} does not answer ({error});"
            " without REDIS_URL, make run starts a Redis of its own"
        ) from error
    finally:
        await nodes.aclose()
