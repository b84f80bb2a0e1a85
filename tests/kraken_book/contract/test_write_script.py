"""The write script: which calls it accepts and refuses, by the rules of docs/contract.md."""

from __future__ import annotations

from typing import Any

import pytest

from kraken_book.contract.write import (
    Retention,
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


def test_write_script_writes_first_snapshot_and_book(script: ScriptRunner) -> None:
    written = script.run(book_call(7, [snapshot(1), update(2)]))
    assert written.seq == 2
    assert script.positions() == [(7, 1, "snapshot"), (7, 2, "update")]
    assert script.stream_position() == script.book_position() == (7, 2)


def test_reply_contains_redis_time_in_microseconds(script: ScriptRunner) -> None:
    before = script.microseconds()
    assert before <= script.run(book_call(7, [snapshot(1)])).redis_time <= script.microseconds()


def test_entry_contains_the_rendered_data(script: ScriptRunner) -> None:
    events = [snapshot(1), update(2)]
    script.run(book_call(7, events))
    assert [fields[b"data"] for _, fields in script.entries()] == [
        event.entry(7).data for event in events
    ]


def test_updates_of_several_calls_are_appended(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(book_call(7, [update(2)]))
    script.run(book_call(7, updates(3, 5)))
    assert [seq for _, seq, _ in script.positions()] == [1, 2, 3, 4, 5]
    assert script.book_position() == (7, 5)


def test_write_script_fences_older_epoch(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert script.unchanged_refusal(book_call(6, [snapshot(9)])) == ("FENCED", 7, 2)
    assert script.unchanged_refusal(status_call(6, [status(9)])) == ("FENCED", 7, 2)
    assert script.unchanged_refusal(touch_book("BTC/USD", 6, LATER, KEPT, 2)) == ("FENCED", 7, 2)


def test_write_script_fences_repeat_of_older_epoch(script: ScriptRunner) -> None:
    call = book_call(6, [snapshot(1)])
    script.run(call)
    script.run(book_call(7, [snapshot(2)]))
    assert script.unchanged_refusal(call) == ("FENCED", 7, 2)


@pytest.mark.parametrize("seq", [4, 9])
def test_update_after_a_gap_is_refused(script: ScriptRunner, seq: int) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert script.unchanged_refusal(book_call(7, [update(seq)])) == ("GAP", 7, 2)


def test_status_after_a_gap_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert script.unchanged_refusal(status_call(7, [status(4)])) == ("GAP", 7, 2)


def test_gap_within_a_call_refuses_the_whole_call(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    assert script.unchanged_refusal(book_call(7, [update(2), update(4)])) == ("GAP", 7, 1)


def test_events_out_of_order_are_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    for events in ([snapshot(5), update(4)], [snapshot(5), snapshot(5)], [update(2), update(2)]):
        assert script.unchanged_refusal(book_call(7, events)) == ("GAP", 7, 1)


def test_snapshot_may_skip_seqs(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(book_call(7, [snapshot(90), update(91), snapshot(200)]))
    assert [seq for _, seq, _ in script.positions()] == [1, 90, 91, 200]
    assert script.book_position() == (7, 200)


def test_repeated_call_succeeds_and_changes_nothing(script: ScriptRunner) -> None:
    call = book_call(7, [snapshot(1), update(2)])
    script.run(call)
    for _ in range(3):
        assert script.unchanged_acceptance(call) == 2


def test_late_repeat_does_not_restore_an_older_book(script: ScriptRunner) -> None:
    call = book_call(7, [snapshot(1), update(2)])
    script.run(call)
    script.run(book_call(7, [update(3)], confirmed_at=LATER))
    assert script.unchanged_acceptance(call) == 3
    assert script.hash()["best_bid_qty"] == "0.00000003"


def test_repeated_status_does_not_undo_later_events(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    call = status_call(7, [status(2)])
    script.run(call)
    script.run(book_call(7, [snapshot(3)]))
    script.unchanged_acceptance(call)
    assert script.hash()["status"] == "live"


def test_overlapping_call_writes_only_new_events(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), *updates(2, 3)]))
    assert script.run(book_call(7, updates(2, 5))).seq == 5
    assert [seq for _, seq, _ in script.positions()] == [1, 2, 3, 4, 5]
    assert script.book_position() == (7, 5)


def test_overlapping_call_with_a_gap_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), *updates(2, 3)]))
    assert script.unchanged_refusal(book_call(7, [update(3), update(5)])) == ("GAP", 7, 3)


@pytest.mark.parametrize("seq", [3, 50])
def test_newer_epoch_begins_with_a_snapshot_at_any_higher_seq(
    script: ScriptRunner, seq: int
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.run(book_call(8, [snapshot(seq), update(seq + 1)]))
    assert script.positions()[2:] == [(8, seq, "snapshot"), (8, seq + 1, "update")]
    assert script.stream_position() == script.book_position() == (8, seq + 1)


@pytest.mark.parametrize("seq", [3, 50])
def test_newer_epoch_may_begin_with_a_status_that_keeps_the_book(
    script: ScriptRunner, seq: int
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    script.run(status_call(8, [status(seq)]))
    assert script.positions()[2:] == [(8, seq, "status")]
    assert (script.stream_position(), script.book_position()) == ((8, seq), (7, 2))


def test_newer_epoch_may_not_begin_with_an_update(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert script.unchanged_refusal(book_call(8, [update(3)])) == ("GAP", 7, 2)


@pytest.mark.parametrize("seq", [1, 2])
def test_newer_epoch_may_not_begin_with_a_used_seq(script: ScriptRunner, seq: int) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    assert script.unchanged_refusal(book_call(8, [snapshot(seq)])) == ("GAP", 7, 2)
    assert script.unchanged_refusal(status_call(8, [status(seq)])) == ("GAP", 7, 2)


def test_gap_after_the_first_event_of_a_newer_epoch_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    assert script.unchanged_refusal(book_call(8, [snapshot(2), update(4)])) == ("GAP", 7, 1)
    assert script.unchanged_refusal(status_call(8, [status(2), status(4)])) == ("GAP", 7, 1)


def test_first_event_of_a_newer_epoch_fences_the_older_epoch(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(status_call(8, [status(2)]))
    assert script.unchanged_refusal(book_call(7, [update(2)])) == ("FENCED", 8, 2)


def test_stream_keeps_at_most_maxlen_entries(script: ScriptRunner) -> None:
    kept = Retention(300_000, 5)
    script.run(book_call(7, [snapshot(1), *updates(2, 4)], kept=kept))
    assert len(script.entries()) == 4
    script.run(book_call(7, updates(5, 8), kept=kept))
    assert [seq for _, seq, _ in script.positions()] == [4, 5, 6, 7, 8]


def test_stream_keeps_only_entries_within_the_retention(script: ScriptRunner) -> None:
    now = script.microseconds() // 1000
    for age_ms, seq in ((7_200_000, 1), (60_000, 2)):
        fields = {"kind": "snapshot", "seq": str(seq), "epoch": "7", "data": "{}"}
        script.put_entry(f"{now - age_ms}-{seq}", fields)
    script.run(book_call(7, [update(3)], kept=Retention(3_600_000, 20_000)))
    assert [seq for _, seq, _ in script.positions()] == [2, 3]


def test_status_trims_the_stream_but_touch_and_repeat_do_not(script: ScriptRunner) -> None:
    call = book_call(7, [snapshot(1), *updates(2, 6)])
    script.run(call)
    short = Retention(300_000, 2)
    script.run(touch_book("BTC/USD", 7, LATER, short, 6))
    script.run(book_call(7, updates(2, 6), kept=short))
    assert len(script.entries()) == 6
    script.run(status_call(7, [status(7)], kept=short))
    assert [seq for _, seq, _ in script.positions()] == [6, 7]


def test_symbols_do_not_affect_each_other(script: ScriptRunner) -> None:
    script.run(book_call(9, [snapshot(5)]))
    other: Any = ScriptRunner(script.client, "ETH/USD")
    other.run(book_call(7, [snapshot(1)], symbol="ETH/USD"))
    assert (script.book_position(), other.book_position()) == ((9, 5), (7, 1))
