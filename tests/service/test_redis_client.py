"""A client of Redis that repeats nothing in silence."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.redis_client import connect_redis


async def test_it_talks_to_the_server_at_the_url(redis_url: str) -> None:
    client = connect_redis(redis_url)
    await client.set("key", "value")
    assert await client.get("key") == b"value"
    await client.aclose()


async def test_where_nobody_listens_the_first_failure_is_told() -> None:
    client = connect_redis("redis://127.0.0.1:1/0")
    with pytest.raises(RedisConnectionError):
        await client.ping()
    await client.aclose()


async def test_a_call_without_an_answer_is_a_timeout_and_is_not_repeated() -> None:
    heard: list[bytes] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Polite until it is asked for something, so that only that has no answer.
        while data := await reader.read(4096):
            heard.append(data)
            writer.write(b"+OK\r\n" * (data.count(b"CLIENT") + data.count(b"HELLO")))

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = connect_redis(f"redis://127.0.0.1:{port}/0?protocol=2", timeout=0.3)
    with pytest.raises(RedisTimeoutError):
        await client.incr("counter")
    assert b"".join(heard).count(b"INCRBY") == 1
    await client.aclose()
    server.close()


async def test_with_all_connections_in_use_a_call_waits_for_one(redis_url: str) -> None:
    client = connect_redis(redis_url, max_connections=2)
    answers = await asyncio.gather(*(client.incr("counter") for _ in range(20)))
    assert sorted(answers) == list(range(1, 21))
    await client.aclose()
