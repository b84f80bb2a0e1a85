"""A followed book is right or lost, whatever its stream and hash contain."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.follow.event_log import SseEvent, render_sse
from api.follow.ring import Ring
from api.store.book_store import BookWithAge
from api.views.followed_book import FollowedBook
from kraken_book.contract.book_hash import BookHash
from kraken_book.position import Position
from lab.written_books import CONFIRMED_AT, book_snapshot_at, snapshot, status, update


def followed_at(seq: int) -> FollowedBook:
    ring = Ring("BTC/USD")
    ring.start(Position(1, seq), f"100-{seq}")
    followed = FollowedBook(ring)
    followed.join(BookWithAge(hash_at(seq), 0))
    assert followed.book is not None
    return followed


def hash_at(seq: int, **members: Any) -> BookHash:
    stored = BookHash(
        symbol="BTC/USD",
        status="live",
        source="simulated",
        snapshot=book_snapshot_at(seq),
        position=Position(1, seq),
        event_id=f"100-{seq}",
        confirmed_at=CONFIRMED_AT,
        stream_seq=seq,
        stream_id=f"100-{seq}",
    )
    return msgspec.structs.replace(stored, **members)


def put(followed: FollowedBook, seq: int, data: bytes) -> None:
    followed.ring.append(SseEvent(Position(1, seq), f"100-{seq}", render_sse(f"100-{seq}", data)))


ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.lists(st.text(max_size=5), max_size=3), max_size=3),
)
MEMBERS = sorted(msgspec.json.decode(snapshot(3).entry(1).data))


@given(
    st.sampled_from([snapshot(3), update(3)]),
    st.dictionaries(st.sampled_from(MEMBERS), ANYTHING, min_size=1, max_size=3),
)
def test_event_with_any_member_leaves_book_valid_or_lost(
    written: Any, members: dict[str, Any]
) -> None:
    followed = followed_at(2)
    changed = msgspec.json.decode(written.entry(1).data) | members
    put(followed, 3, msgspec.json.encode(changed))
    followed.advance()
    if followed.book is not None:
        msgspec.json.decode(followed.rendered(None, opens=False).snapshot(None))


@given(st.binary())
def test_invalid_bytes_lose_the_book(data: bytes) -> None:
    followed = followed_at(2)
    put(followed, 3, b"{" + data.replace(b"\n", b""))
    followed.advance()
    assert followed.book is None


@pytest.mark.parametrize(
    "members",
    [
        {"price_precision": 10**10},
        {"qty_precision": -1},
        {"depth": 0},
        {"depth": -3},
        {"depth": 10**12},
        {"symbol": "ETH/USD"},
        {"checksum": 1},
        {"bids": [["9" * 5000, "1.00000000"]]},
    ],
)
def test_impossible_snapshot_loses_the_book(members: dict[str, Any]) -> None:
    followed = followed_at(2)
    put(followed, 3, msgspec.json.encode(msgspec.json.decode(snapshot(3).entry(1).data) | members))
    followed.advance()
    assert followed.book is None


def test_event_of_another_symbol_loses_the_book() -> None:
    followed = followed_at(2)
    put(followed, 3, snapshot(3).entry(1, "ETH/USD").data)
    followed.advance()
    assert followed.book is None


def test_persistent_fault_is_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    followed = FollowedBook(Ring("BTC/USD"))
    followed.ring.start(Position(1, 2), "100-2")
    damaged = msgspec.structs.replace(book_snapshot_at(2), bids="[[")
    for _ in range(5):
        followed.join(BookWithAge(hash_at(2, snapshot=damaged), 0))
    assert followed.book is None
    assert capsys.readouterr().out.count("stored book invalid") == 1


def test_snapshots_of_one_state_are_rendered_once_and_bounded() -> None:
    followed = followed_at(2)
    assert followed.rendered(1, opens=False) is followed.rendered(1, opens=False)
    before = followed.rendered(1, opens=False)
    for levels in range(2, 50):
        followed.rendered(levels, opens=False)
    assert followed.rendered(1, opens=False).seen == before.seen
    put(followed, 3, update(3).entry(1).data)
    followed.advance()
    assert followed.rendered(1, opens=False).seen != before.seen


def is_syncing(followed: FollowedBook) -> bool:
    return followed.is_syncing


def test_updates_between_syncing_hash_and_its_status_are_applied() -> None:
    followed = FollowedBook(Ring("BTC/USD"))
    followed.ring.start(Position(1, 2), "100-2")
    put(followed, 3, update(3).entry(1).data)
    put(followed, 4, status(4, "syncing").entry(1).data)
    followed.join(BookWithAge(hash_at(2, status="syncing"), 0))
    followed.advance()
    assert followed.book is not None
    assert followed.position == Position(1, 4)
    assert is_syncing(followed)


def test_book_lost_by_its_collector_is_syncing_until_a_snapshot() -> None:
    followed = FollowedBook(Ring("BTC/USD"))
    followed.ring.start(Position(1, 2), "100-2")
    followed.join(BookWithAge(hash_at(2, status="syncing"), 0))
    assert is_syncing(followed)
    assert followed.book is not None
    put(followed, 3, status(3, "syncing").entry(1).data)
    followed.advance()
    assert is_syncing(followed)
    assert followed.position == Position(1, 3)
    put(followed, 4, snapshot(4).entry(1).data)
    followed.advance()
    assert not is_syncing(followed)
