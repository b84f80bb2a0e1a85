"""fakeredis stores the same books and events as a real server."""

from __future__ import annotations

from kraken_book.contract.keys import book_key, events_key
from lab.redis_reads import Entries, carry_out, entries_at, hash_at
from lab.written_books import SYMBOL, book_call, snapshot, updates
from runtime.redis.client import connect_redis


async def written_to(url: str) -> tuple[dict[bytes, bytes], Entries]:
    """Run the write script; return the hash and the stream, with ids without the time."""
    redis = connect_redis(url)
    try:
        await carry_out(redis, book_call(7, [snapshot(1), *updates(2, 40)]))
        book = await hash_at(redis, book_key(SYMBOL))
        for field in (b"stream_id", b"event_id"):
            book[field] = book[field].partition(b"-")[2]
        entries = await entries_at(redis, events_key(SYMBOL))
        return book, [(entry_id.partition(b"-")[2], fields) for entry_id, fields in entries]
    finally:
        await redis.aclose()


async def test_fake_redis_stores_same_book_and_events_as_real_server(
    fake_redis_url: str, real_redis_url: str
) -> None:
    book, events = written = await written_to(fake_redis_url)
    assert written == await written_to(real_redis_url)
    assert book[b"seq"] == b"40"
    assert len(events) == 40
