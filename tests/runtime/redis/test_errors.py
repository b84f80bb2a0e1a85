"""Explanations of errors of Redis."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from lab.redis_fleet import Fleet, RedisServer
from runtime.redis.client import connect_redis
from runtime.redis.errors import MAX_TEXT_LENGTH, Reason, Trouble, describe

# Texts of servers.
ERRORS = {
    "NOAUTH Authentication required.": Reason.PASSWORD_MISSING,
    "WRONGPASS invalid username-password pair or user is disabled.": Reason.WRONG_PASSWORD,
    "ERR invalid password": Reason.WRONG_PASSWORD,
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?": Reason.WRONG_PASSWORD,
    "NOPERM User api has no permissions to run the 'hset' command": Reason.NO_PERMISSION,
    "ERR The user executing the script can't run this command or subcommand script: "
    "e69d367b6b50a93dea67799004ccbfc4659dbca4, on @user_script:1.": Reason.NO_PERMISSION,
    "DENIED Redis is running in protected mode": Reason.PROTECTED,
    "ERR max number of clients reached": Reason.TOO_MANY_CLIENTS,
    "LOADING Redis is loading the dataset in memory": Reason.LOADING,
    "BUSY Redis is busy running a script.": Reason.BUSY,
    "READONLY You can't write against a read only replica.": Reason.READ_ONLY,
    "NOREPLICAS Not enough good replicas to write.": Reason.NO_REPLICAS,
    "OOM command not allowed when used memory > 'maxmemory'.": Reason.OUT_OF_MEMORY,
    "MISCONF Redis is configured to save RDB snapshots, but": Reason.CANNOT_SAVE,
    "CLUSTERDOWN The cluster is down": Reason.CLUSTER_DOWN,
    "MASTERDOWN Link with MASTER is down": Reason.MASTER_DOWN,
    "WRONGTYPE Operation against a key holding the wrong kind of value": Reason.WRONG_TYPE,
    "CORRUPT kraken:book:{BTC/USD} is no hash": Reason.WRONG_TYPE,
    "ERR something new": Reason.ERROR,
}


def parse_error(text: str) -> Exception:
    """Return redis-py's exception for an error of a server."""
    error: Exception = BaseParser.parse_error(text)  # type: ignore[no-untyped-call]  # redis-py's
    return error


@pytest.mark.parametrize(("text", "reason"), ERRORS.items())
def test_error_reply_has_a_reason(text: str, reason: Reason) -> None:
    assert describe(parse_error(text)).reason is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connection refused"), Reason.REFUSED),
        (FileNotFoundError(2, "No such file or directory"), Reason.UNREACHABLE),
        (RedisConnectionError("redis has closed the connection"), Reason.UNREACHABLE),
        (RedisTimeoutError("redis has not answered in time"), Reason.TIMED_OUT),
        (ssl.SSLError(1, "certificate verify failed"), Reason.TLS),
        (RedisConnectionError("the master has become a replica"), Reason.READ_ONLY),
        (RedisError(), Reason.ERROR),
    ],
)
def test_error_without_reply_has_the_reason_of_its_cause(error: Exception, reason: Reason) -> None:
    assert describe(error).reason is reason


def test_every_explanation_has_summary_and_advice() -> None:
    troubles = {describe(parse_error(text)) for text in ERRORS}
    assert all(trouble.summary and trouble.advice and trouble.text for trouble in troubles)


def test_text_is_bounded_and_without_script_hash() -> None:
    suffix = "script: e69d367b6b50a93dea67799004ccbfc4659dbca4, on @user_script:1."
    assert describe(RedisError(f"OOM full {suffix}")).text == "OOM full"
    assert len(describe(RedisError("x" * 10_000)).text) == MAX_TEXT_LENGTH


async def trouble_at(url: str) -> Trouble:
    """Return the explanation of the error that a client of `url` raises."""
    node = connect_redis(url, timeout=0.3)
    try:
        with pytest.raises((RedisError, OSError)) as caught:
            await node.exchange([("TIME",)])
        return describe(caught.value, node)
    finally:
        await node.aclose()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with a password."""
    with Fleet(tmp_path_factory.mktemp("guarded")) as fleet:
        server = fleet.server("redis")
        server.start()
        server.client.config_set("requirepass", "right")
        yield server


@contextlib.asynccontextmanager
async def mute_server() -> AsyncIterator[int]:
    """Yield the port of a server that accepts connections and sends nothing."""
    # Keep a reference to the writers, so that their connections stay open.
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in writers:
        writer.close()


@pytest.mark.process
async def test_missing_and_wrong_password_have_a_reason_and_are_not_shown(
    guarded: RedisServer,
) -> None:
    missing = await trouble_at(guarded.url)
    wrong = await trouble_at(guarded.url.replace("://", "://:no-secret@"))
    assert (missing.reason, wrong.reason) == (Reason.PASSWORD_MISSING, Reason.WRONG_PASSWORD)
    for trouble in (missing, wrong):
        assert f"127.0.0.1:{guarded.port}" in trouble.text
        assert str(guarded.port) not in trouble.detail
        assert "no-secret" not in "".join(map(str, trouble))


async def test_unreachable_server_has_a_reason_and_its_address(tmp_path: Path) -> None:
    refused = await trouble_at("redis://127.0.0.1:1/0")
    assert refused.reason is Reason.REFUSED
    assert "127.0.0.1:1" in refused.text
    absent = await trouble_at(f"unix://{tmp_path}/absent.sock")
    assert absent.reason is Reason.UNREACHABLE
    assert "absent.sock" in absent.text
    async with mute_server() as port:
        silent = await trouble_at(f"redis://127.0.0.1:{port}/0")
    assert silent.reason is Reason.TIMED_OUT
    assert f"127.0.0.1:{port}" in silent.text
