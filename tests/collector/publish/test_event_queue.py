"""Events that wait for Redis: numbered, bounded, and counted if a snapshot replaces them."""

from __future__ import annotations

import pytest

from collector.publish.event_queue import MAX_EVENTS
from kraken_book.contract.write import WriteRefusal
from tests.collector.publish.boxes import CONFIRMED_AT, Box

EPOCH = 100


@pytest.fixture
def box() -> Box:
    """Return a live book without waiting events; seqs 1 and 2 are written."""
    box = Box()
    box.snapshot()
    box.queue.open(EPOCH)
    assert box.write().kinds == ["snapshot", "status"]
    box.scheduled.count = 0
    return box


def test_closed_queue_numbers_and_keeps_nothing() -> None:
    box = Box()
    box.snapshot()
    box.update(5)
    box.book.lose("closed")
    assert box.queue.waiting == 0
    assert box.next_call() is None
    assert box.next_call(is_round=True) is None
    assert box.scheduled.count == 0


def test_opened_queue_begins_with_a_snapshot_of_a_live_book() -> None:
    box = Box()
    box.snapshot()
    box.update(7)
    box.queue.open(EPOCH)
    call = box.write()
    assert (call.epoch, call.kinds, call.seqs) == (EPOCH, ["snapshot", "status"], [1, 2])
    snapshot, status = call.events
    assert snapshot["bids"] == [list(level) for level in box.naive.bids]
    assert snapshot["conflated"] is None, "the events of the previous leader are unknown"
    assert (status["status"], status["reason"]) == ("live", None)


def test_opened_queue_begins_with_syncing_without_a_live_book() -> None:
    box = Box()
    box.queue.open(EPOCH)
    call = box.write()
    assert (call.kinds, call.seqs, call.mode) == (["status"], [1], "status")
    assert (call.events[0]["status"], call.events[0]["epoch"]) == ("syncing", EPOCH)


def test_updates_have_consecutive_seqs_and_the_best_prices_of_their_book(box: Box) -> None:
    box.update(3)
    call = box.write()
    assert (call.kinds, call.seqs) == (["update"] * 3, [3, 4, 5])
    assert [event["best_bid"]["qty"] for event in call.events] == [
        "1.00000000",
        "2.00000000",
        "3.00000000",
    ]
    assert call.events[-1]["checksum"] == box.naive.checksum
    assert {event["epoch"] for event in call.events} == {EPOCH}
    box.update()
    assert box.write().seqs == [6]


def test_newest_book_is_written_with_the_events(box: Box) -> None:
    box.update(3)
    call = box.write()
    assert call.mode == "book"
    assert call.fields["best_bid_qty"] == "3.00000000"
    assert call.fields["status"] == "live"
    assert call.confirmed_at == CONFIRMED_AT


def test_queue_schedules_its_symbol_when_the_first_event_waits(box: Box) -> None:
    box.update(3)
    assert box.scheduled.count == 1
    box.write()
    box.update()
    assert box.scheduled.count == 2


def test_taken_events_do_not_wait_any_more(box: Box) -> None:
    box.update()
    box.write()
    assert box.queue.waiting == 0
    assert box.next_call() is None


# Statuses


def test_status_is_sent_once(box: Box) -> None:
    box.book.lose("checksum")
    box.book.lose("checksum")
    box.book.acknowledge()
    call = box.write()
    assert [(e["status"], e["reason"]) for e in call.events] == [("syncing", "checksum")]
    assert (call.seqs, call.mode, call.fields["status"]) == ([3], "status", "syncing")


def test_resync_ends_with_a_snapshot_and_live(box: Box) -> None:
    box.update()
    box.book.lose("checksum")
    box.snapshot()
    call = box.write()
    assert (call.kinds, call.seqs) == (["update", "status", "snapshot", "status"], [3, 4, 5, 6])
    assert call.events[2]["conflated"] is None, "the updates before the snapshot are unknown"
    assert call.events[3]["status"] == "live"


def test_snapshot_of_a_live_book_adds_no_status(box: Box) -> None:
    box.snapshot()
    call = box.write()
    assert (call.kinds, call.seqs) == (["snapshot"], [3])


def test_refused_symbol_is_syncing_with_its_reason(box: Box) -> None:
    box.book.refuse("Currency pair not supported")
    (event,) = box.write().events
    assert (event["status"], event["reason"]) == ("syncing", "Currency pair not supported")


# The limit


def test_queue_keeps_every_update_up_to_its_limit(box: Box) -> None:
    box.update(MAX_EVENTS)
    call = box.write()
    assert call.kinds == ["update"] * MAX_EVENTS
    assert call.seqs == list(range(3, 3 + MAX_EVENTS))


def test_queue_whose_limit_shrinks_schedules_its_symbol(box: Box) -> None:
    box.limit.max_events = 4 * MAX_EVENTS
    box.update(MAX_EVENTS)
    box.scheduled.count = 0
    box.limit.max_events = MAX_EVENTS + 100
    box.update()
    assert box.scheduled.count == 1
    assert box.queue.is_filling


@pytest.mark.parametrize("more", [1, 2, 100])
def test_snapshot_replaces_and_counts_updates_past_the_limit(box: Box, more: int) -> None:
    box.update(MAX_EVENTS + more)
    call = box.write()
    assert call.kinds[0] == "snapshot"
    assert [kind for kind in call.kinds[1:] if kind != "status"] == ["update"] * (more - 1)
    snapshot = call.events[0]
    # The snapshot replaces seqs 3 to MAX_EVENTS + 3, and has the next seq.
    assert snapshot["conflated"] == MAX_EVENTS + 1
    assert snapshot["seq"] == 2 + snapshot["conflated"] + 1
    assert snapshot["bids"][0][1] == f"{MAX_EVENTS + 1}.00000000"
    assert call.seqs == list(range(snapshot["seq"], snapshot["seq"] + len(call.seqs)))


def test_repeated_conflation_counts_all_events_since_the_last_taken_one(box: Box) -> None:
    box.update(3 * MAX_EVENTS + 7)
    call = box.write()
    first = call.entries[0]
    assert first.kind == "snapshot"
    assert call.events[0]["conflated"] == first.seq - 2 - 1
    written_updates = call.kinds.count("update")
    # Earlier snapshots, and the statuses with them, have seqs too.
    others = first.seq - 2 - 1 - (box.updates - written_updates)
    assert 0 <= others <= 6


def test_conflation_after_syncing_ends_with_live(box: Box) -> None:
    box.book.lose("closed")
    assert box.write().events[-1]["status"] == "syncing"
    box.snapshot()
    box.update(2 * MAX_EVENTS)
    statuses = [e["status"] for e in box.write().events if e["kind"] == "status"]
    assert statuses[-1:] == ["live"]


def test_conflation_after_a_resync_has_unknown_conflated(box: Box) -> None:
    box.book.lose("checksum")
    box.snapshot()
    box.update(2 * MAX_EVENTS)
    snapshots = [event for event in box.write().events if event["kind"] == "snapshot"]
    assert snapshots[0]["conflated"] is None


def test_conflation_after_a_new_epoch_has_unknown_conflated(
    box: Box,
) -> None:
    box.queue.close()
    box.queue.open(EPOCH + 5)
    box.update(2 * MAX_EVENTS)
    assert box.write().events[0]["conflated"] is None


def test_statuses_and_snapshots_are_bounded(box: Box) -> None:
    for round_number in range(2 * MAX_EVENTS):
        box.book.lose(f"reason {round_number % 2}")
        box.snapshot()
    assert box.queue.waiting <= MAX_EVENTS + 2


def test_statuses_of_a_book_that_is_never_live_are_bounded(box: Box) -> None:
    for round_number in range(2 * MAX_EVENTS):
        box.book.lose(("closed", "unreachable", "silent")[round_number % 3])
    assert box.queue.waiting <= MAX_EVENTS + 2


# Refusals


def test_snapshot_after_a_gap_counts_the_lost_events(box: Box) -> None:
    box.update(4)
    box.write()
    box.update(2)
    box.queue.restart_at(WriteRefusal("GAP", EPOCH, 2))
    call = box.write()
    assert call.kinds == ["snapshot", "status"]
    assert (call.seqs[0], call.events[0]["conflated"]) == (9, 6)


def test_snapshot_after_a_gap_is_above_the_seq_in_redis(box: Box) -> None:
    box.queue.restart_at(WriteRefusal("GAP", EPOCH, 5000))
    call = box.write()
    assert (call.seqs, call.events[0]["conflated"]) == ([5001, 5002], 0)


def test_snapshot_after_a_gap_of_another_epoch_has_unknown_conflated(box: Box) -> None:
    box.update(4)
    box.write()
    box.queue.restart_at(WriteRefusal("GAP", EPOCH - 1, 5000))
    call = box.write()
    assert call.kinds == ["snapshot", "status"]
    assert (call.seqs[0], call.events[0]["conflated"]) == (5001, None)


def test_seqs_rise_after_redis_lost_the_stream(box: Box) -> None:
    box.update(4)
    box.write()
    box.queue.restart_at(WriteRefusal("GAP", 0, 0))
    call = box.write()
    assert (call.kinds, call.seqs[0]) == (["snapshot", "status"], 7)
    assert call.events[0]["conflated"] is None


def test_gap_of_another_epoch_without_a_live_book_is_followed_by_syncing(box: Box) -> None:
    box.book.lose("closed")
    box.queue.restart_at(WriteRefusal("GAP", EPOCH - 1, 5000))
    call = box.write()
    assert (call.kinds, call.seqs) == (["status"], [5001])


def test_gap_within_an_epoch_without_a_live_book_waits_for_the_snapshot(box: Box) -> None:
    box.update()
    box.book.lose("closed")
    box.write()
    box.queue.restart_at(WriteRefusal("GAP", EPOCH, 2))
    assert box.queue.waiting == 0
    box.snapshot()
    call = box.write()
    assert call.kinds == ["snapshot", "status"]
    assert call.seqs == [5, 6]


def test_closed_queue_ignores_a_refusal(box: Box) -> None:
    box.queue.close()
    box.queue.restart_at(WriteRefusal("GAP", EPOCH, 50))
    assert box.queue.waiting == 0


# Opening and closing


def test_newer_epoch_begins_with_a_snapshot_of_unknown_conflated(box: Box) -> None:
    box.update(3)
    box.queue.open(EPOCH + 1)
    call = box.write()
    assert (call.epoch, call.kinds, call.seqs) == (EPOCH + 1, ["snapshot", "status"], [6, 7])
    assert call.events[0]["conflated"] is None, "a failover may have lost acknowledged events"


def test_reopened_queue_begins_with_a_snapshot_of_unknown_conflated(box: Box) -> None:
    box.update(3)
    box.queue.close()
    box.update(10)
    box.queue.open(EPOCH + 5)
    call = box.write()
    assert (call.kinds, call.events[0]["conflated"]) == (["snapshot", "status"], None)
    assert call.seqs[0] > 5, "seqs are not reused"
