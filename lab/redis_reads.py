"""Typed reads of hashes and streams in Redis, for asyncio clients that return bytes."""

from __future__ import annotations

from typing import Any, cast

from redis.asyncio import Redis

from kraken_book.contract.script import WRITE
from kraken_book.contract.write import WriteCall

Entries = list[tuple[bytes, dict[bytes, bytes]]]


async def carry_out(redis: Redis, call: WriteCall) -> None:
    """Run the write script with the arguments of a call; a refusal is redis-py's error."""
    await redis.eval(WRITE.text, *cast("Any", call.arguments))


async def hash_at(redis: Redis, key: str) -> dict[bytes, bytes]:
    """Return a hash."""
    return cast("dict[bytes, bytes]", await redis.hgetall(key))


async def texts_at(redis: Redis, key: str) -> dict[str, str]:
    """Return a hash as text."""
    return {name.decode(): value.decode() for name, value in (await hash_at(redis, key)).items()}


async def entries_at(redis: Redis, key: str) -> Entries:
    """Return all entries of a stream."""
    return cast("Entries", await redis.xrange(key))
