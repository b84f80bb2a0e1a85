"""Replies are collected from a transport's bytes, and other bytes are passed on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.redis.replies import Replies

# Longer than any test takes.
LONG = 600.0


class Inner(asyncio.Protocol):
    """A protocol that keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append(exc)

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


class Fatal(Exception):
    """An error that makes all replies useless."""


def raise_fatal(error: Exception) -> None:
    if str(error).startswith("FATAL"):
        raise Fatal(str(error))


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
async def replies(inner: Inner) -> Replies:
    return Replies(inner, Exception, raise_fatal)


async def test_replies_may_arrive_in_any_pieces(replies: Replies, inner: Inner) -> None:
    for size in (1, 2, 7, 100):
        collected = replies.collect(3, LONG)
        data = b"+OK\r\n$5\r\nhello\r\n*2\r\n:1\r\n:2\r\n"
        for begin in range(0, len(data), size):
            assert not collected.done()
            replies.data_received(data[begin : begin + size])
        assert collected.result() == [b"OK", b"hello", [1, 2]]
        assert replies.is_clean
    assert inner.calls == []


async def test_errors_are_among_the_replies(replies: Replies) -> None:
    collected = replies.collect(2, LONG)
    replies.data_received(b"-ERR wrong\r\n:2\r\n")
    error, number = collected.result()
    assert (type(error), str(error), number) == (Exception, "ERR wrong", 2)


async def test_fatal_error_is_raised_before_the_other_replies(replies: Replies) -> None:
    collected = replies.collect(2, LONG)
    replies.data_received(b"-FATAL loading\r\n")
    with pytest.raises(Fatal, match="loading"):
        await collected
    assert not replies.is_clean


async def test_message_without_a_request_is_skipped(replies: Replies) -> None:
    collected = replies.collect(1, LONG)
    replies.data_received(b">2\r\n+invalidate\r\n*0\r\n:7\r\n")
    assert collected.result() == [7]


async def test_no_replies_are_collected_at_once(replies: Replies) -> None:
    assert replies.collect(0, LONG).result() == []


async def test_bytes_between_collections_are_passed_on(replies: Replies, inner: Inner) -> None:
    assert not replies.is_clean
    replies.data_received(b"+handshake\r\n")
    collected = replies.collect(1, LONG)
    replies.data_received(b":1\r\n")
    assert (collected.result(), replies.is_clean) == ([1], True)
    replies.data_received(b"+late\r\n")
    assert not replies.is_clean
    replies.pause_writing()
    replies.resume_writing()
    assert inner.calls == [b"+handshake\r\n", b"+late\r\n", "pause", "resume"]


async def test_bytes_behind_the_last_reply_make_the_connection_unclean(replies: Replies) -> None:
    collected = replies.collect(1, LONG)
    replies.data_received(b":1\r\n:2\r\n")
    assert (collected.result(), replies.is_clean) == ([1], False)


async def test_missing_reply_is_a_timeout(replies: Replies) -> None:
    collected = replies.collect(2, 0.001)
    replies.data_received(b":1\r\n")
    with pytest.raises(TimeoutError):
        await collected


async def test_invalid_bytes_fail_the_collection(replies: Replies) -> None:
    collected = replies.collect(1, LONG)
    replies.data_received(b"no protocol of Redis\r\n")
    assert isinstance(collected.exception(), Exception)


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_lost_connection_fails_this_collection_and_the_next(
    replies: Replies, inner: Inner, how: str
) -> None:
    collected = replies.collect(1, LONG)
    reset = ConnectionResetError("reset")
    if how == "eof":
        assert replies.eof_received()
    else:
        replies.connection_lost(reset)
    expected = RedisConnectionError if how == "eof" else ConnectionResetError
    with pytest.raises(expected):
        await collected
    with pytest.raises(RedisConnectionError):
        await replies.collect(1, LONG)
    assert inner.calls == ["eof" if how == "eof" else reset]
    assert not replies.is_clean


async def test_abandoned_collection_is_cancelled_and_its_replies_are_passed_on(
    replies: Replies, inner: Inner
) -> None:
    collected = replies.collect(1, LONG)
    replies.abandon()
    assert collected.cancelled()
    replies.data_received(b":1\r\n")
    assert inner.calls == [b":1\r\n"]


async def test_replies_to_a_cancelled_caller_are_dropped(replies: Replies) -> None:
    replies.collect(1, LONG).cancel()
    replies.data_received(b":1\r\n")
    collected = replies.collect(1, LONG)
    replies.data_received(b":2\r\n")
    assert collected.result() == [2]
