"""The write script against real Redis: each rule of DESIGN's "The write", and each refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from kraken_book.contract.write import (
    Corrupt,
    Retention,
    WriteCall,
    parse_corruption,
    touch_book,
)
from lab.written_books import (
    CONFIRMED_AT,
    KEPT,
    book_call,
    renewal,
    snapshot,
    status,
    status_call,
    update,
    updates,
)
from tests.kraken_book.script_runner import ScriptRunner

YEAR_MS = 365 * 86_400_000
LATER = "2026-08-02T03:35:59.000000Z"


@pytest.fixture
def script(redis_url: str) -> Iterator[ScriptRunner]:
    client: Redis = Redis.from_url(redis_url)
    yield ScriptRunner(client)
    client.close()


def refused_unchanged(script: ScriptRunner, call: WriteCall) -> tuple[str, int, int]:
    """The refusal of `call`, having seen that it changed nothing at all."""
    before = script.dump()
    refusal = script.refusal(call)
    assert script.dump() == before
    return refusal


def accepted_unchanged(script: ScriptRunner, call: WriteCall) -> int:
    before = script.dump()
    written = script.run(call)
    assert script.dump() == before
    return written.seq


def test_a_first_snapshot_is_written_with_its_book(script: ScriptRunner) -> None:
    written = script.run(book_call(7, [snapshot(1), update(2)]))
    assert written.seq == 2
    assert script.places() == [(7, 1, "snapshot"), (7, 2, "update")]
    assert script.stream_place() == script.book_place() == (7, 2)


def test_the_reply_tells_redis_time_in_microseconds(script: ScriptRunner) -> None:
    before = script.microseconds()
    assert before <= script.run(book_call(7, [snapshot(1)])).redis_time <= script.microseconds()


def test_the_data_is_what_the_collector_rendered(script: ScriptRunner) -> None:
    events = [snapshot(1), update(2)]
    script.run(book_call(7, events))
    assert [fields[b"data"] for _, fields in script.entries()] == [
        event.entry(7).data for event in events
    ]


def test_updates_go_on_one_by_one(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(book_call(7, [update(2)]))
    script.run(book_call(7, updates(3, 5)))
    assert [seq for _, seq, _ in script.places()] == [1, 2, 3, 4, 5]
    assert script.book_place() == (7, 5)


# Refusals


def test_an_older_epoch_is_fenced(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert refused_unchanged(script, book_call(6, [snapshot(9)])) == ("FENCED", 7, 2)
    assert refused_unchanged(script, status_call(6, [status(9)])) == ("FENCED", 7, 2)
    assert refused_unchanged(script, touch_book("BTC/USD", 6, LATER, KEPT, 2)) == ("FENCED", 7, 2)


def test_a_repeat_of_an_older_epoch_is_fenced_too(script: ScriptRunner) -> None:
    call = book_call(6, [snapshot(1)])
    script.run(call)
    script.run(book_call(7, [snapshot(2)]))
    assert refused_unchanged(script, call) == ("FENCED", 7, 2)


@pytest.mark.parametrize("seq", [4, 9])
def test_an_update_that_is_not_the_next_is_a_gap(script: ScriptRunner, seq: int) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert refused_unchanged(script, book_call(7, [update(seq)])) == ("GAP", 7, 2)


def test_a_status_that_is_not_the_next_is_a_gap(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert refused_unchanged(script, status_call(7, [status(4)])) == ("GAP", 7, 2)


def test_a_gap_within_a_call_refuses_all_of_it(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    assert refused_unchanged(script, book_call(7, [update(2), update(4)])) == ("GAP", 7, 1)


def test_events_out_of_order_are_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    for events in ([snapshot(5), update(4)], [snapshot(5), snapshot(5)], [update(2), update(2)]):
        assert refused_unchanged(script, book_call(7, events)) == ("GAP", 7, 1)


def test_a_snapshot_may_jump(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(book_call(7, [snapshot(90), update(91), snapshot(200)]))
    assert [seq for _, seq, _ in script.places()] == [1, 90, 91, 200]
    assert script.book_place() == (7, 200)


# Repeats and overlaps


def test_a_repeated_call_succeeds_and_changes_nothing(script: ScriptRunner) -> None:
    call = book_call(7, [snapshot(1), update(2)])
    script.run(call)
    for _ in range(3):
        assert accepted_unchanged(script, call) == 2


def test_a_late_repeat_does_not_bring_its_older_book_back(script: ScriptRunner) -> None:
    call = book_call(7, [snapshot(1), update(2)])
    script.run(call)
    script.run(book_call(7, [update(3)], confirmed_at=LATER))
    assert accepted_unchanged(script, call) == 3
    assert script.hash()["best_bid_qty"] == "0.00000003"


def test_a_repeated_status_does_not_undo_what_came_after_it(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    call = status_call(7, [status(2)])
    script.run(call)
    script.run(book_call(7, [snapshot(3)]))
    accepted_unchanged(script, call)
    assert script.hash()["status"] == "live"


def test_of_an_overlap_only_what_is_new_is_written(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), *updates(2, 3)]))
    assert script.run(book_call(7, updates(2, 5))).seq == 5
    assert [seq for _, seq, _ in script.places()] == [1, 2, 3, 4, 5]
    assert script.book_place() == (7, 5)


def test_an_overlap_with_a_gap_behind_it_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), *updates(2, 3)]))
    assert refused_unchanged(script, book_call(7, [update(3), update(5)])) == ("GAP", 7, 3)


# A newer epoch


@pytest.mark.parametrize("seq", [3, 50])
def test_a_newer_epoch_begins_with_a_snapshot_above_what_is_there(
    script: ScriptRunner, seq: int
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.run(book_call(8, [snapshot(seq), update(seq + 1)]))
    assert script.places()[2:] == [(8, seq, "snapshot"), (8, seq + 1, "update")]
    assert script.stream_place() == script.book_place() == (8, seq + 1)


@pytest.mark.parametrize("seq", [3, 50])
def test_a_newer_epoch_may_begin_with_a_status_and_keeps_the_book(
    script: ScriptRunner, seq: int
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.run(status_call(8, [status(seq)]))
    assert script.places()[2:] == [(8, seq, "status")]
    assert (script.stream_place(), script.book_place()) == ((8, seq), (7, 2))


def test_a_newer_epoch_may_not_begin_with_an_update(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert refused_unchanged(script, book_call(8, [update(3)])) == ("GAP", 7, 2)


@pytest.mark.parametrize("seq", [1, 2])
def test_a_newer_epoch_may_not_begin_at_a_number_that_was_given(
    script: ScriptRunner, seq: int
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert refused_unchanged(script, book_call(8, [snapshot(seq)])) == ("GAP", 7, 2)
    assert refused_unchanged(script, status_call(8, [status(seq)])) == ("GAP", 7, 2)


def test_after_its_opening_a_newer_epoch_has_no_gaps_either(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    assert refused_unchanged(script, book_call(8, [snapshot(2), update(4)])) == ("GAP", 7, 1)
    assert refused_unchanged(script, status_call(8, [status(2), status(4)])) == ("GAP", 7, 1)


def test_the_newer_epoch_fences_the_older_from_its_first_event(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(status_call(8, [status(2)]))
    assert refused_unchanged(script, book_call(7, [update(2)])) == ("FENCED", 8, 2)


# Keys that are gone


def test_where_the_hash_is_gone_the_streams_last_entry_stands_in(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), *updates(2, 4)]))
    script.delete_hash()
    assert refused_unchanged(script, book_call(7, [update(6)])) == ("GAP", 7, 4)
    assert refused_unchanged(script, book_call(6, [snapshot(9)])) == ("FENCED", 7, 4)
    assert accepted_unchanged(script, book_call(7, updates(3, 4))) == 4
    script.run(book_call(7, [update(5)]))
    assert script.stream_place() == script.book_place() == (7, 5)
    assert [seq for _, seq, _ in script.places()] == [1, 2, 3, 4, 5]


def test_where_both_are_gone_the_first_is_a_snapshot_or_a_status(script: ScriptRunner) -> None:
    assert refused_unchanged(script, book_call(7, [update(1)])) == ("GAP", 0, 0)
    script.run(status_call(7, [status(41)]))
    script.delete_hash()
    script.delete_stream()
    assert refused_unchanged(script, book_call(7, [update(42)])) == ("GAP", 0, 0)
    script.run(book_call(7, [snapshot(42), update(43)]))
    assert script.places() == [(7, 42, "snapshot"), (7, 43, "update")]


def test_where_the_stream_is_gone_the_hash_knows_where_it_stood(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.delete_stream()
    assert refused_unchanged(script, book_call(7, [update(4)])) == ("GAP", 7, 2)
    script.run(book_call(7, [update(3)]))
    assert script.places() == [(7, 3, "update")]


# Statuses


def test_a_status_keeps_the_book_that_is_there(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    before = script.hash()
    script.run(status_call(7, [status(3)]))
    after = script.hash()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"status", "stream_seq", "stream_id"}
    assert after["status"] == "syncing"


def test_a_first_status_makes_a_hash_with_empty_book_fields(script: ScriptRunner) -> None:
    script.run(status_call(7, [status(1)]))
    fields = script.hash()
    for name in [
        "epoch",
        "seq",
        "event_id",
        "confirmed_at",
        "checksum",
        "exchange_time",
        "best_bid",
        "best_bid_qty",
        "best_ask",
        "best_ask_qty",
        "spread",
        "bids",
        "asks",
    ]:
        assert fields[name] == ""
    assert (fields["status"], script.stream_place()) == ("syncing", (7, 1))


def test_a_second_status_leaves_them_empty_and_a_book_fills_them(script: ScriptRunner) -> None:
    script.run(status_call(7, [status(1)]))
    script.run(status_call(7, [status(2)]))
    assert script.hash()["bids"] == ""
    script.run(book_call(7, [snapshot(3)]))
    assert script.book_place() == (7, 3)
    assert script.hash()["status"] == "live"


def test_a_status_over_updates_keeps_the_book_at_its_own_place(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(status_call(7, [update(2), status(3)]))
    assert (script.stream_place(), script.book_place()) == ((7, 3), (7, 1))


# Touching


def test_a_touch_renews_confirmed_at_and_nothing_else(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    before, entries = script.hash(), script.entries()
    assert script.run(touch_book("BTC/USD", 7, LATER, KEPT, 2)).seq == 2
    assert script.hash() == {**before, "confirmed_at": LATER}
    assert before["confirmed_at"] == CONFIRMED_AT
    assert script.entries() == entries


@pytest.mark.parametrize(
    ("epoch", "seq", "word"), [(7, 1, "GAP"), (7, 3, "GAP"), (8, 2, "GAP"), (6, 2, "FENCED")]
)
def test_a_touch_of_another_book_is_refused(
    script: ScriptRunner, epoch: int, seq: int, word: str
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    call = touch_book("BTC/USD", epoch, LATER, KEPT, seq)
    assert refused_unchanged(script, call) == (word, 7, 2)


def test_a_touch_of_a_book_of_an_older_epoch_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(status_call(8, [status(2)]))
    assert refused_unchanged(script, touch_book("BTC/USD", 8, LATER, KEPT, 1)) == ("GAP", 8, 2)
    assert refused_unchanged(script, touch_book("BTC/USD", 8, LATER, KEPT, 2)) == ("GAP", 8, 2)


def test_a_touch_where_the_hash_is_gone_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.delete_hash()
    assert refused_unchanged(script, touch_book("BTC/USD", 7, LATER, KEPT, 1)) == ("GAP", 7, 1)
    script.delete_stream()
    assert refused_unchanged(script, touch_book("BTC/USD", 7, LATER, KEPT, 1)) == ("GAP", 0, 0)


def test_a_book_without_events_is_set_where_the_stream_stands(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(status_call(7, [update(2), update(3)]))
    assert script.book_place() == (7, 1)
    assert script.run(renewal(7, 3, confirmed_at=LATER)).seq == 3
    assert script.book_place() == (7, 3)
    fields = script.hash()
    assert fields["best_bid_qty"] == "0.00000003"
    assert (fields["status"], fields["confirmed_at"]) == ("live", LATER)
    assert script.places() == [(7, 1, "snapshot"), (7, 2, "update"), (7, 3, "update")]


def test_a_book_that_comes_when_newer_events_are_there_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    late = renewal(7, 2)
    script.run(status_call(7, [update(3)]))
    assert refused_unchanged(script, late) == ("GAP", 7, 3)
    script.run(book_call(8, [snapshot(4)]))
    assert refused_unchanged(script, late) == ("FENCED", 8, 4)
    script.delete_hash()
    assert refused_unchanged(script, renewal(8, 4)) == ("GAP", 8, 4)


def test_a_touch_where_there_never_was_a_book_is_refused(script: ScriptRunner) -> None:
    script.run(status_call(7, [status(1)]))
    assert refused_unchanged(script, touch_book("BTC/USD", 7, LATER, KEPT, 1)) == ("GAP", 7, 1)


# IDs


def test_an_id_is_redis_time_and_the_seq(script: ScriptRunner) -> None:
    before = script.microseconds() // 1000
    script.run(book_call(7, [snapshot(41), update(42)]))
    after = script.microseconds() // 1000
    ids = [event_id.decode().split("-") for event_id, _ in script.entries()]
    assert [seq for _, seq in ids] == ["41", "42"]
    assert all(before <= int(ms) <= after for ms, _ in ids)
    assert script.hash()["event_id"] == script.hash()["stream_id"] == "-".join(ids[-1])


@pytest.mark.parametrize("hash_too", [False, True])
def test_where_redis_clock_has_gone_back_ids_never_do(script: ScriptRunner, hash_too: bool) -> None:
    future = script.microseconds() // 1000 + 3_600_000
    script.run(book_call(7, [snapshot(1)]))
    script.put_entry(f"{future}-2", {"kind": "update", "seq": "2", "epoch": "7", "data": "{}"})
    script.put_place(7, 2, f"{future}-2")
    if hash_too:
        script.delete_hash()
    script.run(book_call(7, [update(3)]))
    assert script.entries()[-1][0].decode() == f"{future}-3"
    assert script.hash()["stream_id"] == f"{future}-3"


def test_numbers_past_2_to_the_31_and_today_are_written_out(script: ScriptRunner) -> None:
    epoch, seq = 1785638131660, 5_000_000_000_000_000
    script.run(book_call(epoch, [snapshot(seq), update(seq + 1)]))
    assert script.hash()["stream_seq"] == script.hash()["seq"] == str(seq + 1)
    assert script.refusal(book_call(epoch, [update(seq + 3)])) == ("GAP", epoch, seq + 1)


# Trimming


def test_the_stream_keeps_at_most_maxlen(script: ScriptRunner) -> None:
    kept = Retention(300_000, 5)
    script.run(book_call(7, [snapshot(1), *updates(2, 4)], kept=kept))
    assert len(script.entries()) == 4
    script.run(book_call(7, updates(5, 8), kept=kept))
    assert [seq for _, seq, _ in script.places()] == [4, 5, 6, 7, 8]


def test_the_stream_keeps_what_is_younger_than_the_retention(script: ScriptRunner) -> None:
    now = script.microseconds() // 1000
    for age_ms, seq in ((7_200_000, 1), (60_000, 2)):
        place = {"kind": "snapshot", "seq": str(seq), "epoch": "7", "data": "{}"}
        script.put_entry(f"{now - age_ms}-{seq}", place)
    script.run(book_call(7, [update(3)], kept=Retention(3_600_000, 20_000)))
    assert [seq for _, seq, _ in script.places()] == [2, 3]


def test_a_status_trims_too_and_a_touch_or_repeat_does_not(script: ScriptRunner) -> None:
    call = book_call(7, [snapshot(1), *updates(2, 6)])
    script.run(call)
    few = Retention(300_000, 2)
    script.run(touch_book("BTC/USD", 7, LATER, few, 6))
    script.run(book_call(7, updates(2, 6), kept=few))
    assert len(script.entries()) == 6
    script.run(status_call(7, [status(7)], kept=few))
    assert [seq for _, seq, _ in script.places()] == [6, 7]


def test_each_symbol_is_for_itself(script: ScriptRunner) -> None:
    script.run(book_call(9, [snapshot(5)]))
    other: Any = ScriptRunner(script.client, "ETH/USD")
    other.run(book_call(7, [snapshot(1)], symbol="ETH/USD"))
    assert (script.book_place(), other.book_place()) == ((9, 5), (7, 1))


# Values that cannot be


IMPOSSIBLE_PLACES = [
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


@pytest.mark.parametrize("fields", IMPOSSIBLE_PLACES, ids=str)
def test_impossible_place_in_hash_is_outdone_and_no_event_is_lost(
    script: ScriptRunner, fields: dict[str, str]
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.put_fields(**fields)
    written = script.run(book_call(7, [update(3)]))
    assert (written.seq, written.repaired) == (3, ("hash",))
    assert [seq for _, seq, _ in script.places()] == [1, 2, 3]
    assert script.stream_place() == script.book_place() == (7, 3)
    assert script.run(book_call(7, [update(4)])).repaired == ()


def test_impossible_place_in_hash_refuses_touch_so_that_a_write_follows(
    script: ScriptRunner,
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.put_fields(stream_epoch="1e308")
    assert refused_unchanged(script, touch_book("BTC/USD", 7, LATER, KEPT, 2)) == ("GAP", 7, 2)


def test_epoch_of_next_year_fences_because_a_clock_may_have_been_set_back(
    script: ScriptRunner,
) -> None:
    now = script.microseconds() // 1000
    ahead = now + YEAR_MS
    script.run(book_call(now, [snapshot(1)]))
    script.put_fields(stream_epoch=str(ahead))
    assert script.refusal(book_call(now, [update(2)])) == ("FENCED", ahead, 1)


@pytest.mark.parametrize("has_hash", [True, False])
def test_ids_of_a_clock_that_was_set_back_a_year_end_and_the_order_of_events_goes_on(
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
    assert script.places() == [(epoch + 1, 2, "snapshot")]
    ((event_id, _),) = script.entries()
    assert int(event_id.partition(b"-")[0]) <= script.microseconds() // 1000


def test_writer_whose_own_epoch_is_ahead_of_a_clock_that_was_set_back_goes_on(
    script: ScriptRunner,
) -> None:
    ahead = script.microseconds() // 1000 + 30 * 86_400_000
    script.run(book_call(ahead, [snapshot(1)]))
    assert script.run(book_call(ahead, [update(2)])).repaired == ()
    assert script.run(book_call(ahead + 1, [snapshot(3)])).repaired == ()


def test_id_of_the_far_future_refuses_touch_so_that_a_write_follows(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.put_fields(stream_id="99999999999999-2")
    assert refused_unchanged(script, touch_book("BTC/USD", 7, LATER, KEPT, 2)) == ("GAP", 7, 2)


@pytest.mark.parametrize(
    "foreign",
    ["18446744073709551615-18446744073709551615", "18446744073709551615-1", "9999999999999-0"],
)
def test_entry_of_the_far_future_begins_the_stream_anew(script: ScriptRunner, foreign: str) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.put_entry(foreign, {"somebody": "else"})
    written = script.run(book_call(7, [update(3), update(4)]))
    assert written.repaired == ("stream",)
    assert [seq for _, seq, _ in script.places()] == [3, 4]
    assert script.book_place() == (7, 4)
    assert script.run(book_call(7, [update(5)])).repaired == ()


@pytest.mark.parametrize("ahead_ms", [0, 60_000])
def test_last_id_of_the_far_future_begins_the_stream_anew_when_its_entry_is_gone(
    script: ScriptRunner, ahead_ms: int
) -> None:
    script.run(book_call(7, [snapshot(1)]))
    # Also if the last entry that is there is not older than the write.
    script.put_entry(f"{script.microseconds() // 1000 + ahead_ms}-9", {"somebody": "else"})
    script.put_entry("9999999999999-0", {"somebody": "else"})
    script.client.xdel("kraken:events:{BTC/USD}", "9999999999999-0")
    assert script.run(book_call(7, [update(2)])).repaired == ("stream",)
    assert [seq for _, seq, _ in script.places()] == [2]


def test_entry_that_is_a_little_ahead_is_gone_on_from_and_nothing_deleted(
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


def test_foreign_entries_are_passed_over_when_the_hash_is_gone(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    for seq, fields in ((5, {"a": "b"}), (6, {"epoch": "1e308", "seq": "6", "kind": "snapshot"})):
        script.put_entry(f"{script.microseconds() // 1000}-{seq}", fields)
    script.delete_hash()
    assert script.run(book_call(7, [update(3)])).seq == 3


@pytest.mark.parametrize(
    "call", [book_call(7, [update(2)]), touch_book("BTC/USD", 7, LATER, KEPT, 1)]
)
def test_hash_of_another_type_is_named_and_left(script: ScriptRunner, call: WriteCall) -> None:
    key = "kraken:book:{BTC/USD}"
    script.client.set(key, "somebody's")
    with pytest.raises(ResponseError) as refused:
        script.attempt(call)
    assert parse_corruption(str(refused.value)) == Corrupt(key, "is no hash")
    assert script.client.get(key) == b"somebody's"


@pytest.mark.parametrize("has_hash", [True, False])
def test_stream_of_another_type_is_named_and_nothing_is_written(
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
