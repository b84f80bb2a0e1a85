"""The write script with missing or damaged keys, foreign entries and a clock that was set back."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from kraken_book.contract.write import (
    Corrupt,
    WriteCall,
    parse_corruption,
    touch_book,
)
from lab.written_books import (
    KEPT,
    book_call,
    snapshot,
    status,
    status_call,
    update,
    updates,
)
from tests.kraken_book.script_runner import LATER, ScriptRunner

YEAR_MS = 365 * 86_400_000

DAMAGED_POSITIONS = [
    {"stream_epoch": "1e308"},
    {"stream_epoch": str(2**60)},
    {"stream_epoch": "-5"},
    {"stream_epoch": "abc"},
    {"stream_epoch": ""},
    {"stream_seq": "nan"},
    {"stream_seq": "-1"},
    {"stream_seq": "5"},
    {"stream_seq": str(2**60), "stream_id": f"5-{2**60}"},
    {"stream_id": "18446744073709551615-18446744073709551615"},
    {"stream_id": "99999999999999-2"},
    {"stream_id": "nonsense"},
    {"stream_id": ""},
]


def test_missing_hash_is_replaced_by_the_last_entry_of_the_stream(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), *updates(2, 4)]))
    script.delete_hash()
    assert script.unchanged_refusal(book_call(7, [update(6)])) == ("GAP", 7, 4)
    assert script.unchanged_refusal(book_call(6, [snapshot(9)])) == ("FENCED", 7, 4)
    assert script.unchanged_acceptance(book_call(7, updates(3, 4))) == 4
    script.run(book_call(7, [update(5)]))
    assert script.stream_position() == script.book_position() == (7, 5)
    assert [seq for _, seq, _ in script.positions()] == [1, 2, 3, 4, 5]


def test_first_event_without_hash_and_stream_is_snapshot_or_status(script: ScriptRunner) -> None:
    assert script.unchanged_refusal(book_call(7, [update(1)])) == ("GAP", 0, 0)
    script.run(status_call(7, [status(41)]))
    script.delete_hash()
    script.delete_stream()
    assert script.unchanged_refusal(book_call(7, [update(42)])) == ("GAP", 0, 0)
    script.run(book_call(7, [snapshot(42), update(43)]))
    assert script.positions() == [(7, 42, "snapshot"), (7, 43, "update")]


def test_position_in_the_hash_counts_if_the_stream_is_missing(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.delete_stream()
    assert script.unchanged_refusal(book_call(7, [update(4)])) == ("GAP", 7, 2)
    script.run(book_call(7, [update(3)]))
    assert script.positions() == [(7, 3, "update")]


def test_id_consists_of_redis_time_and_seq(script: ScriptRunner) -> None:
    before = script.microseconds() // 1000
    script.run(book_call(7, [snapshot(41), update(42)]))
    after = script.microseconds() // 1000
    ids = [event_id.decode().split("-") for event_id, _ in script.entries()]
    assert [seq for _, seq in ids] == ["41", "42"]
    assert all(before <= int(ms) <= after for ms, _ in ids)
    assert script.hash()["event_id"] == script.hash()["stream_id"] == "-".join(ids[-1])


@pytest.mark.parametrize("has_hash", [True, False])
def test_ids_rise_after_the_clock_was_set_back(script: ScriptRunner, has_hash: bool) -> None:
    future = script.microseconds() // 1000 + 3_600_000
    script.run(book_call(7, [snapshot(1)]))
    script.put_entry(f"{future}-2", {"kind": "update", "seq": "2", "epoch": "7", "data": "{}"})
    script.put_position(7, 2, f"{future}-2")
    if not has_hash:
        script.delete_hash()
    script.run(book_call(7, [update(3)]))
    assert script.entries()[-1][0].decode() == f"{future}-3"
    assert script.hash()["stream_id"] == f"{future}-3"


def test_large_numbers_are_written_without_exponent(script: ScriptRunner) -> None:
    epoch, seq = 1785638131660, 5_000_000_000_000_000
    script.run(book_call(epoch, [snapshot(seq), update(seq + 1)]))
    assert script.hash()["stream_seq"] == script.hash()["seq"] == str(seq + 1)
    assert script.refusal(book_call(epoch, [update(seq + 3)])) == ("GAP", epoch, seq + 1)


@pytest.mark.parametrize("fields", DAMAGED_POSITIONS, ids=str)
def test_damaged_position_in_the_hash_is_repaired_without_losing_events(
    script: ScriptRunner, fields: dict[str, str]
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.put_fields(**fields)
    written = script.run(book_call(7, [update(3)]))
    assert (written.seq, written.repaired) == (3, ("hash",))
    assert [seq for _, seq, _ in script.positions()] == [1, 2, 3]
    assert script.stream_position() == script.book_position() == (7, 3)
    assert script.run(book_call(7, [update(4)])).repaired == ()


def test_touch_is_refused_if_the_position_in_the_hash_is_damaged(
    script: ScriptRunner,
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.put_fields(stream_epoch="1e308")
    assert script.unchanged_refusal(touch_book("BTC/USD", 7, LATER, KEPT, 2)) == ("GAP", 7, 2)


def test_epoch_of_the_far_future_fences_the_current_epoch(
    script: ScriptRunner,
) -> None:
    now = script.microseconds() // 1000
    ahead = now + YEAR_MS
    script.run(book_call(now, [snapshot(1)]))
    script.put_fields(stream_epoch=str(ahead))
    assert script.refusal(book_call(now, [update(2)])) == ("FENCED", ahead, 1)


@pytest.mark.parametrize("has_hash", [True, False])
def test_ids_return_to_the_clock_that_was_set_back_a_year(
    script: ScriptRunner, has_hash: bool
) -> None:
    epoch = script.microseconds() // 1000 + YEAR_MS
    script.run(book_call(epoch, [snapshot(1)]))
    script.delete_stream()
    last_id = f"{epoch}-1"
    script.put_entry(last_id, {"kind": "snapshot", "seq": "1", "epoch": str(epoch), "data": "{}"})
    script.put_fields(stream_id=last_id, event_id=last_id)
    if not has_hash:
        script.delete_hash()
    assert script.refusal(book_call(epoch - 1, [snapshot(2)])) == ("FENCED", epoch, 1)
    written = script.run(book_call(epoch + 1, [snapshot(2)]))
    assert written.repaired == (("hash", "stream") if has_hash else ("stream",))
    assert script.positions() == [(epoch + 1, 2, "snapshot")]
    ((event_id, _),) = script.entries()
    assert int(event_id.partition(b"-")[0]) <= script.microseconds() // 1000


def test_writer_with_an_epoch_of_the_future_is_accepted(
    script: ScriptRunner,
) -> None:
    ahead = script.microseconds() // 1000 + 30 * 86_400_000
    script.run(book_call(ahead, [snapshot(1)]))
    assert script.run(book_call(ahead, [update(2)])).repaired == ()
    assert script.run(book_call(ahead + 1, [snapshot(3)])).repaired == ()


def test_touch_is_refused_if_the_id_in_the_hash_is_in_the_far_future(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.put_fields(stream_id="99999999999999-2")
    assert script.unchanged_refusal(touch_book("BTC/USD", 7, LATER, KEPT, 2)) == ("GAP", 7, 2)


@pytest.mark.parametrize(
    "foreign",
    ["18446744073709551615-18446744073709551615", "18446744073709551615-1", "9999999999999-0"],
)
def test_stream_with_an_entry_of_the_far_future_is_deleted(
    script: ScriptRunner, foreign: str
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.put_entry(foreign, {"somebody": "else"})
    written = script.run(book_call(7, [update(3), update(4)]))
    assert written.repaired == ("stream",)
    assert [seq for _, seq, _ in script.positions()] == [3, 4]
    assert script.book_position() == (7, 4)
    assert script.run(book_call(7, [update(5)])).repaired == ()


@pytest.mark.parametrize("ahead_ms", [0, 60_000])
def test_stream_with_a_last_id_of_the_far_future_is_deleted_without_the_entry(
    script: ScriptRunner, ahead_ms: int
) -> None:
    script.run(book_call(7, [snapshot(1)]))
    # The remaining last entry may be newer than the write.
    script.put_entry(f"{script.microseconds() // 1000 + ahead_ms}-9", {"somebody": "else"})
    script.put_entry("9999999999999-0", {"somebody": "else"})
    script.client.xdel("kraken:events:{BTC/USD}", "9999999999999-0")
    assert script.run(book_call(7, [update(2)])).repaired == ("stream",)
    assert [seq for _, seq, _ in script.positions()] == [2]


def test_entry_slightly_ahead_of_the_clock_is_continued(
    script: ScriptRunner,
) -> None:
    script.run(book_call(7, [snapshot(1)]))
    ahead = script.microseconds() // 1000 + 60_000
    script.put_entry(f"{ahead}-9", {"somebody": "else"})
    assert script.run(book_call(7, [update(2), update(3)])).repaired == ()
    assert [event_id.decode() for event_id, _ in script.entries()][1:] == [
        f"{ahead + 1}-2",
        f"{ahead + 1}-3",
    ]


def test_foreign_entries_are_skipped_if_the_hash_is_missing(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    for seq, fields in ((5, {"a": "b"}), (6, {"epoch": "1e308", "seq": "6", "kind": "snapshot"})):
        script.put_entry(f"{script.microseconds() // 1000}-{seq}", fields)
    script.delete_hash()
    assert script.run(book_call(7, [update(3)])).seq == 3


@pytest.mark.parametrize(
    "call", [book_call(7, [update(2)]), touch_book("BTC/USD", 7, LATER, KEPT, 1)]
)
def test_hash_of_another_type_is_reported_and_kept(script: ScriptRunner, call: WriteCall) -> None:
    key = "kraken:book:{BTC/USD}"
    script.client.set(key, "somebody's")
    with pytest.raises(ResponseError) as refused:
        script.attempt(call)
    assert parse_corruption(str(refused.value)) == Corrupt(key, "is no hash")
    assert script.client.get(key) == b"somebody's"


@pytest.mark.parametrize("has_hash", [True, False])
def test_stream_of_another_type_is_reported_and_nothing_written(
    script: ScriptRunner, has_hash: bool
) -> None:
    key = "kraken:events:{BTC/USD}"
    script.run(book_call(7, [snapshot(1)]))
    script.delete_stream()
    if not has_hash:
        script.delete_hash()
    script.client.rpush(key, "somebody's")
    before = script.hash()
    with pytest.raises(ResponseError) as refused:
        script.attempt(book_call(7, [update(2)]))
    assert parse_corruption(str(refused.value)) == Corrupt(key, "is no stream")
    assert script.hash() == before
