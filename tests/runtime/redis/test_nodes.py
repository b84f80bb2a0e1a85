"""Pings of a node."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.exceptions import NoPermissionError

from lab.redis_fleet import Fleet
from runtime.redis.client import connect_redis
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import OneNode

pytestmark = pytest.mark.process


async def test_ping_accepts_server_that_cannot_save(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        server = fleet.server("redis")
        server.start()
        node = connect_redis(server.url)
        commands = [("PING",), ("GET", "key"), ("SET", "key", "1")]
        with server.unable_to_save():
            ping, read, write = await node.exchange(commands)
            assert describe(ping).reason is describe(write).reason is Reason.CANNOT_SAVE
            assert read is None
            await OneNode(node).ping()
        await node.aclose()


async def test_ping_refuses_user_without_permission_to_read(tmp_path: Path) -> None:
    reads = [("HMGET", "kraken:book", "seq"), ("XRANGE", "kraken:events", "-", "+")]
    with Fleet(tmp_path) as fleet:
        server = fleet.server("redis")
        server.start()
        owner = connect_redis(server.url)
        rights = ("on", ">secret", "~kraken:*", "+ping", "+hmget")
        await owner.exchange([("ACL", "SETUSER", "api", *rights)])
        node = connect_redis(f"redis://api:secret@127.0.0.1:{server.port}/0")
        await OneNode(node).ping(reads[:1])
        with pytest.raises(NoPermissionError) as refused:
            await OneNode(node).ping(reads)
        assert describe(refused.value).reason is Reason.NO_PERMISSION
        # A key with the wrong type does not make the server unready.
        await owner.set("kraken:book", "no hash")
        await OneNode(node).ping(reads[:1])
        await node.aclose()
        await owner.aclose()
