"""Clients of one server: replies, errors, timeouts and retries."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from lab.waiting import async_wait_until
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode


async def test_client_reads_and_writes_at_the_url(redis_url: str) -> None:
    client = connect_redis(redis_url)
    await client.set("key", "value")
    assert await client.get("key") == b"value"
    await client.aclose()


async def test_client_raises_at_the_first_failure() -> None:
    client = connect_redis("redis://127.0.0.1:1/0")
    with pytest.raises(RedisConnectionError):
        await client.ping()
    await client.aclose()


async def test_call_without_reply_times_out_and_is_not_repeated() -> None:
    received: list[bytes] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Answers the handshake only.
        while data := await reader.read(4096):
            received.append(data)
            writer.write(b"+OK\r\n" * (data.count(b"CLIENT") + data.count(b"HELLO")))

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = connect_redis(f"redis://127.0.0.1:{port}/0?protocol=2", timeout=0.3)
    with pytest.raises(RedisTimeoutError):
        await client.incr("counter")
    assert b"".join(received).count(b"INCRBY") == 1
    await client.aclose()
    server.close()


async def test_call_waits_for_a_connection_if_all_are_in_use(redis_url: str) -> None:
    client = connect_redis(redis_url, max_connections=2)
    answers = await asyncio.gather(*(client.incr("counter") for _ in range(20)))
    assert sorted(answers) == list(range(1, 21))
    await client.aclose()


async def test_exchange_converts_replies_as_redis_py_does(
    redis_url: str,
) -> None:
    client = connect_redis(redis_url)
    entry_id, time, length, entries = await client.exchange(
        [
            ("XADD", "stream", "1-1", "field", "value"),
            ("TIME",),
            ("XLEN", "stream"),
            ("XRANGE", "stream", "-", "+"),
        ]
    )
    assert (entry_id, length, entries) == (b"1-1", 1, [(b"1-1", {b"field": b"value"})])
    assert await client.xrange("stream") == entries
    assert len(time) == 2
    await client.aclose()


async def test_exchange_returns_errors_among_the_replies(
    redis_url: str,
) -> None:
    client = connect_redis(redis_url)
    _, error, value = await client.exchange([("SET", "k", 1), ("LPUSH", "k", 1), ("GET", "k")])
    assert isinstance(error, ResponseError)
    assert "WRONGTYPE" in str(error)
    assert value == b"1"
    (no_script,) = await client.exchange([("EVALSHA", "0" * 40, 0)])
    assert isinstance(no_script, NoScriptError)
    await client.aclose()


async def test_concurrent_exchanges_do_not_mix_replies(redis_url: str) -> None:
    client = connect_redis(redis_url)
    texts = [str(number) for number in range(100)]
    replies = await asyncio.gather(*(client.exchange([("ECHO", text)]) for text in texts))
    assert replies == [[text.encode()] for text in texts]
    await client.aclose()


async def test_late_reply_after_timeout_is_not_returned_by_the_next_exchange(
    redis_url: str,
) -> None:
    client = connect_redis(redis_url, timeout=0.2)
    with pytest.raises(RedisTimeoutError):
        await client.exchange([("BLPOP", "nothing", 0.3)])
    assert await client.exchange([("ECHO", "mine")]) == [b"mine"]
    await client.aclose()


async def test_late_reply_after_cancellation_is_not_returned_by_the_next_exchange(
    redis_url: str,
) -> None:
    client, other = connect_redis(redis_url), connect_redis(redis_url)
    cancelled = asyncio.create_task(client.exchange([("BLPOP", "nothing", 0.3)]))
    await async_wait_until(lambda: _is_listed("cmd=blpop", other))
    cancelled.cancel()
    await asyncio.wait([cancelled])
    assert await client.exchange([("ECHO", "mine")]) == [b"mine"]
    await client.aclose()
    await other.aclose()


@pytest.mark.parametrize("only_reads", [False, True])
async def test_exchange_on_lost_connection_is_repeated_for_reads_only(
    redis_url: str, only_reads: bool
) -> None:
    client = connect_redis(redis_url, only_reads=only_reads)
    killing = [
        ("INCR", "attempts"),
        ("CLIENT", "KILL", "SKIPME", "no", "TYPE", "normal"),
        ("TIME",),
    ]
    with pytest.raises(RedisConnectionError):
        await client.exchange(killing)
    attempts = await client.exchange([("GET", "attempts")])
    assert attempts == [b"2" if only_reads else b"1"]
    await client.aclose()


async def test_exchange_does_not_use_a_connection_that_redis_has_closed(redis_url: str) -> None:
    client = connect_redis(redis_url)
    other = connect_redis(redis_url)
    await client.exchange([("CLIENT", "SETNAME", "idle")])
    await other.exchange([("CLIENT", "KILL", "TYPE", "normal")])
    await async_wait_until(lambda: _is_gone("name=idle", other))
    assert await client.exchange([("ECHO", "still there")]) == [b"still there"]
    await client.aclose()
    await other.aclose()


async def _is_listed(fact: str, seen_by: RedisNode) -> bool:
    (clients,) = await seen_by.exchange([("CLIENT", "LIST")])
    return f"{fact} " in str(clients)


async def _is_gone(fact: str, seen_by: RedisNode) -> bool:
    return not await _is_listed(fact, seen_by)
