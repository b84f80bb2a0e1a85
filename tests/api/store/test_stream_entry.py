"""Entries of a stream are parsed and checked, and gaps between events are found."""

from __future__ import annotations

import pytest

from api.store.corrupt_keys import CorruptKeys
from api.store.stream_entry import StreamEntry, StreamReply, entries_in, follows, went_back
from kraken_book.contract.keys import events_key
from kraken_book.position import Position
from lab.written_books import SYMBOL, update

LAST = Position(7, 20)


def snapshot(epoch: int, seq: int, data: bytes) -> StreamEntry:
    return StreamEntry(f"1-{seq}", "snapshot", Position(epoch, seq), data)


@pytest.mark.parametrize(
    ("entry", "goes_on", "is_behind"),
    [
        (snapshot(7, 21, b'{"conflated":0}'), True, False),
        (snapshot(7, 25, b'{"conflated":4}'), True, False),
        (snapshot(8, 900, b'{"conflated":null}'), True, False),
        # After a failover that lost events, a snapshot counts from an earlier event.
        (snapshot(7, 25, b'{"conflated":10}'), False, True),
        (snapshot(7, 25, b'{"conflated":24}'), False, True),
        # Events in between were trimmed.
        (snapshot(7, 25, b'{"conflated":2}'), False, False),
        # Redis and the collector lost their memory together, and seq starts again.
        (snapshot(8, 2, b'{"conflated":null}'), False, True),
        (StreamEntry("1-1", "status", Position(8, 1), b"{}"), False, True),
        # A malformed snapshot counts as following, so that it does not stop the ring.
        (snapshot(7, 25, b"{"), True, False),
        (StreamEntry("1-21", "update", Position(7, 21), b"{}"), True, False),
        (StreamEntry("1-22", "update", Position(7, 22), b"{}"), False, False),
        (StreamEntry("1-22", "status", Position(8, 22), b"{}"), True, False),
    ],
)
def test_follows_and_went_back_compare_an_entry_with_the_last_position(
    entry: StreamEntry, goes_on: bool, is_behind: bool
) -> None:
    assert follows(entry, LAST) is goes_on
    assert went_back(entry, LAST) is is_behind


EPOCH = 7
RIGHT = update(5).entry(EPOCH).data


def fields(data: bytes = RIGHT, **changed: bytes) -> dict[bytes, bytes]:
    named = {b"kind": b"update", b"seq": b"5", b"epoch": b"7", b"data": data}
    return {**named, **{name.encode(): value for name, value in changed.items()}}


FOREIGN = [
    (b"1-5", {}),
    (b"1-5", {b"somebody": b"else's"}),
    (b"1-6", fields()),
    (b"9999999999999-1", fields()),
    (b"1-5", fields(seq=b"five")),
    (b"1-5", fields(seq=b"9" * 5000)),
    (b"1-5", fields(epoch=b"1e308")),
    (b"1-5", fields(epoch=b"8")),
    (b"1-5", fields(kind=b"snapshot")),
    (b"1-5", fields(kind=b"\xff")),
    (b"1-5", fields(b"")),
    (b"1-5", fields(b"no JSON")),
    (b"1-5", fields(b"[" * 100_000)),
    (b"1-5", fields(b"null")),
    (b"1-5", fields(RIGHT[:-1])),
    (b"1-5", fields(RIGHT + b"}")),
    (b"1-5", fields(RIGHT.replace(b"BTC/USD", b"ETH/USD"))),
    (b"1-5", fields(RIGHT + b"\n\ndata: {}")),
    (b"1-5", fields(RIGHT[:-1] + b"\n}")),
    (b"1-5", fields(RIGHT[:-1] + b"\r}")),
    (b"1-5", fields(RIGHT[:-1] + b',"x":"\xff"}')),
]


@pytest.mark.parametrize(("event_id", "of"), FOREIGN)
def test_corrupt_entry_is_skipped_and_recorded(event_id: bytes, of: dict[bytes, bytes]) -> None:
    corrupt = CorruptKeys()
    reply: StreamReply = [(event_id, of), (b"2-5", fields())]
    assert [entry.id for entry in entries_in(SYMBOL, reply, corrupt)] == ["2-5"]
    corruption = corrupt.get(events_key(SYMBOL))
    assert corruption is not None
    assert corruption.repair.endswith(f" XDEL '{events_key(SYMBOL)}' {event_id.decode()}")
    entries_in(SYMBOL, reply[1:], corrupt)
    assert corrupt.get(events_key(SYMBOL)) is None


def test_valid_entry_is_returned_unchanged() -> None:
    (entry,) = entries_in(SYMBOL, [(b"1-5", fields())], CorruptKeys())
    assert entry == StreamEntry("1-5", "update", Position(EPOCH, 5), RIGHT)


def test_control_characters_in_an_event_are_escaped() -> None:
    data = RIGHT[:-1] + ',"reason":"\x9b2J"}'.encode()
    (entry,) = entries_in(SYMBOL, [(b"1-5", fields(data))], CorruptKeys())
    assert entry.data == RIGHT[:-1] + b',"reason":"\\u009b2J"}'
