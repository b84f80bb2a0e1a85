"""What waits for Redis: numbered one by one, at most so much, nothing lost in silence."""

from __future__ import annotations

import pytest

import collector.publish.outbox
from collector.publish.outbox import GREAT_BOOK_SECONDS, MOST_WAITING
from kraken_book.contract.write import WriteRefusal
from tests.collector.publish.boxes import CONFIRMED_AT, KEPT, Box, Taken

EPOCH = 100


@pytest.fixture
def box() -> Box:
    """A live book that is published and of which nothing waits: seqs 1 and 2 are gone."""
    box = Box()
    box.snapshot()
    box.outbox.open(EPOCH)
    assert box.take().kinds == ["snapshot", "status"]
    box.told.clear()
    return box


def test_closed_it_numbers_and_keeps_nothing() -> None:
    box = Box()
    box.snapshot()
    box.update(5)
    box.book.lose("closed")
    assert box.outbox.waiting == 0
    assert box.outbox.take(CONFIRMED_AT, KEPT) is None
    assert box.outbox.touch(CONFIRMED_AT, KEPT) is None
    assert box.told == []


def test_a_new_leader_begins_with_a_snapshot_of_its_warm_book() -> None:
    box = Box()
    box.snapshot()
    box.update(7)
    box.outbox.open(EPOCH)
    taken = box.take()
    assert (taken.epoch, taken.kinds, taken.seqs) == (EPOCH, ["snapshot", "status"], [1, 2])
    told, status = taken.events
    assert told["bids"] == [list(level) for level in box.naive.bids]
    assert told["conflated"] is None, "what its predecessor wrote it cannot know"
    assert (status["status"], status["reason"]) == ("live", None)


def test_a_new_leader_without_a_book_says_syncing() -> None:
    box = Box()
    box.outbox.open(EPOCH)
    taken = box.take()
    assert (taken.kinds, taken.seqs, taken.mode) == (["status"], [1], "status")
    assert (taken.events[0]["status"], taken.events[0]["epoch"]) == ("syncing", EPOCH)


def test_updates_are_numbered_one_by_one_and_rendered_with_the_book_they_led_to(box: Box) -> None:
    box.update(3)
    taken = box.take()
    assert (taken.kinds, taken.seqs) == (["update"] * 3, [3, 4, 5])
    assert [event["best_bid"]["qty"] for event in taken.events] == [
        "1.00000000",
        "2.00000000",
        "3.00000000",
    ]
    assert taken.events[-1]["checksum"] == box.naive.checksum
    assert {event["epoch"] for event in taken.events} == {EPOCH}
    box.update()
    assert box.take().seqs == [6]


def test_the_newest_book_goes_with_the_events(box: Box) -> None:
    box.update(3)
    taken = box.take()
    assert taken.mode == "book"
    assert taken.fields["best_bid_qty"] == "3.00000000"
    assert taken.fields["status"] == "live"
    assert taken.confirmed_at == CONFIRMED_AT


def test_it_tells_when_the_first_event_comes_to_wait(box: Box) -> None:
    box.update(3)
    assert box.told == [box.outbox]
    box.take()
    box.update()
    assert box.told == [box.outbox] * 2


def test_what_was_taken_is_gone(box: Box) -> None:
    box.update()
    box.take()
    assert box.outbox.waiting == 0
    assert box.outbox.take(CONFIRMED_AT, KEPT) is None


# Statuses


def test_a_status_is_told_once(box: Box) -> None:
    box.book.lose("checksum")
    box.book.lose("checksum")
    box.book.acknowledge()
    taken = box.take()
    assert [(e["status"], e["reason"]) for e in taken.events] == [("syncing", "checksum")]
    assert (taken.seqs, taken.mode, taken.fields["status"]) == ([3], "status", "syncing")


def test_a_resync_ends_with_a_snapshot_and_live(box: Box) -> None:
    box.update()
    box.book.lose("checksum")
    box.snapshot()
    taken = box.take()
    assert (taken.kinds, taken.seqs) == (["update", "status", "snapshot", "status"], [3, 4, 5, 6])
    assert taken.events[2]["conflated"] is None, "what Kraken sent meanwhile nobody knows"
    assert taken.events[3]["status"] == "live"


def test_an_unasked_snapshot_of_a_live_book_is_no_news_of_its_status(box: Box) -> None:
    box.snapshot()
    taken = box.take()
    assert (taken.kinds, taken.seqs) == (["snapshot"], [3])


def test_a_refused_symbol_is_syncing_with_its_reason_to_readers(box: Box) -> None:
    box.book.refuse("Currency pair not supported")
    (event,) = box.take().events
    assert (event["status"], event["reason"]) == ("syncing", "Currency pair not supported")


# The bound


def test_up_to_the_bound_every_update_is_kept(box: Box) -> None:
    box.update(MOST_WAITING)
    taken = box.take()
    assert taken.kinds == ["update"] * MOST_WAITING
    assert taken.seqs == list(range(3, 3 + MOST_WAITING))


def test_a_box_that_is_told_to_be_smaller_says_that_it_fills(box: Box) -> None:
    room = box.outbox._room
    room.most_waiting = 4 * MOST_WAITING
    box.update(MOST_WAITING)
    box.told.clear()
    room.most_waiting = MOST_WAITING + 100
    box.update()
    assert box.told == [box.outbox]
    assert box.outbox.is_filling


@pytest.mark.parametrize("more", [1, 2, 100])
def test_past_the_bound_one_snapshot_stands_for_all_and_counts_them(box: Box, more: int) -> None:
    box.update(MOST_WAITING + more)
    taken = box.take()
    assert taken.kinds[0] == "snapshot"
    assert [kind for kind in taken.kinds[1:] if kind != "status"] == ["update"] * (more - 1)
    told = taken.events[0]
    # Numbers 3 to MOST_WAITING + 3 were given; the snapshot has the next.
    assert told["conflated"] == MOST_WAITING + 1
    assert told["seq"] == 2 + told["conflated"] + 1
    assert told["bids"][0][1] == f"{MOST_WAITING + 1}.00000000"
    assert taken.seqs == list(range(told["seq"], told["seq"] + len(taken.seqs)))


def test_conflation_again_and_again_counts_all_since_what_left(box: Box) -> None:
    box.update(3 * MOST_WAITING + 7)
    taken = box.take()
    first = taken.entries[0]
    assert first.kind == "snapshot"
    assert taken.events[0]["conflated"] == first.seq - 2 - 1
    updates_told = taken.kinds.count("update")
    # What else was given a number: the earlier snapshots, and statuses told with them.
    others = first.seq - 2 - 1 - (box.updates - updates_told)
    assert 0 <= others <= 6


def test_after_conflation_a_reader_who_was_told_syncing_learns_live(box: Box) -> None:
    box.book.lose("closed")
    assert box.take().events[-1]["status"] == "syncing"
    box.snapshot()
    box.update(2 * MOST_WAITING)
    statuses = [e["status"] for e in box.take().events if e["kind"] == "status"]
    assert statuses[-1:] == ["live"]


def test_a_snapshot_that_stands_for_a_resync_does_not_claim_to_know_how_much(box: Box) -> None:
    box.book.lose("checksum")
    box.snapshot()
    box.update(2 * MOST_WAITING)
    snapshots = [event for event in box.take().events if event["kind"] == "snapshot"]
    assert snapshots[0]["conflated"] is None


def test_a_snapshot_that_stands_for_a_new_leaders_first_does_not_claim_to_know_either(
    box: Box,
) -> None:
    box.outbox.close()
    box.outbox.open(EPOCH + 5)
    box.update(2 * MOST_WAITING)
    assert box.take().events[0]["conflated"] is None


def test_statuses_and_snapshots_are_bounded_too(box: Box) -> None:
    for round_number in range(2 * MOST_WAITING):
        box.book.lose(f"reason {round_number % 2}")
        box.snapshot()
    assert box.outbox.waiting <= MOST_WAITING + 2


def test_statuses_of_a_book_that_is_never_there_are_bounded_too(box: Box) -> None:
    for round_number in range(2 * MOST_WAITING):
        box.book.lose(("closed", "unreachable", "silent")[round_number % 3])
    assert box.outbox.waiting <= MOST_WAITING + 2


# Refusals


def test_after_a_gap_a_snapshot_counts_what_was_lost(box: Box) -> None:
    box.update(4)
    box.take()
    box.update(2)
    box.outbox.refused(WriteRefusal("GAP", EPOCH, 2))
    taken = box.take()
    assert taken.kinds == ["snapshot", "status"]
    assert (taken.seqs[0], taken.events[0]["conflated"]) == (9, 6)


def test_after_a_gap_it_goes_on_above_where_redis_stands(box: Box) -> None:
    box.outbox.refused(WriteRefusal("GAP", EPOCH, 5000))
    taken = box.take()
    assert (taken.seqs, taken.events[0]["conflated"]) == ([5001, 5002], 0)


def test_a_gap_from_another_epoch_is_of_unknown_size(box: Box) -> None:
    box.update(4)
    box.take()
    box.outbox.refused(WriteRefusal("GAP", EPOCH - 1, 5000))
    taken = box.take()
    assert taken.kinds == ["snapshot", "status"]
    assert (taken.seqs[0], taken.events[0]["conflated"]) == (5001, None)


def test_where_redis_lost_everything_numbers_go_on_rising(box: Box) -> None:
    box.update(4)
    box.take()
    box.outbox.refused(WriteRefusal("GAP", 0, 0))
    taken = box.take()
    assert (taken.kinds, taken.seqs[0]) == (["snapshot", "status"], 7)
    assert taken.events[0]["conflated"] is None


def test_a_gap_of_another_epoch_without_a_book_says_syncing_above_it(box: Box) -> None:
    box.book.lose("closed")
    box.outbox.refused(WriteRefusal("GAP", EPOCH - 1, 5000))
    taken = box.take()
    assert (taken.kinds, taken.seqs) == (["status"], [5001])


def test_a_gap_of_the_same_epoch_without_a_book_waits_for_the_snapshot(box: Box) -> None:
    box.update()
    box.book.lose("closed")
    box.take()
    box.outbox.refused(WriteRefusal("GAP", EPOCH, 2))
    assert box.outbox.waiting == 0
    box.snapshot()
    taken = box.take()
    assert taken.kinds == ["snapshot", "status"]
    assert taken.seqs == [5, 6]


def test_closed_a_refusal_is_no_more_of_interest(box: Box) -> None:
    box.outbox.close()
    box.outbox.refused(WriteRefusal("GAP", EPOCH, 50))
    assert box.outbox.waiting == 0


# Opening and closing


def test_a_newer_epoch_begins_with_a_snapshot_that_claims_no_number(box: Box) -> None:
    box.update(3)
    box.outbox.open(EPOCH + 1)
    taken = box.take()
    assert (taken.epoch, taken.kinds, taken.seqs) == (EPOCH + 1, ["snapshot", "status"], [6, 7])
    assert taken.events[0]["conflated"] is None, "a failover may have lost what Redis acknowledged"


def test_reopened_after_another_led_it_cannot_know_how_many_it_missed(box: Box) -> None:
    box.update(3)
    box.outbox.close()
    box.update(10)
    box.outbox.open(EPOCH + 5)
    taken = box.take()
    assert (taken.kinds, taken.events[0]["conflated"]) == (["snapshot", "status"], None)
    assert taken.seqs[0] > 5, "numbers that were given are not given again"


# Touching


def test_a_live_book_that_is_in_redis_is_touched_at_its_place(box: Box) -> None:
    box.update(3)
    box.take()
    call = box.outbox.touch(CONFIRMED_AT, KEPT)
    assert call is not None
    assert (call.entries, call.arguments[3], call.arguments[-2:]) == (0, EPOCH, ("touch", 5))


def test_quiet_book_is_written_whole_again_now_and_then(box: Box, clock: Clock) -> None:
    box.update()
    box.take()
    kinds = []
    for _ in range(24):
        clock.now += 1.0
        call = box.outbox.touch(CONFIRMED_AT, KEPT)
        assert call is not None
        kinds.append("renew" if "renew" in call.arguments else "touch")
    assert [number for number, kind in enumerate(kinds, 1) if kind == "renew"] == [10, 20]


def test_what_waits_or_is_not_live_is_not_touched(box: Box) -> None:
    box.update()
    assert box.outbox.touch(CONFIRMED_AT, KEPT) is None
    box.take()
    box.book.lose("closed")
    box.take()
    assert box.outbox.touch(CONFIRMED_AT, KEPT) is None


# At great depth


class Clock:
    """Steady time that passes by hand."""

    def __init__(self) -> None:
        self.now = 5_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(collector.publish.outbox, "monotonic", made)
    return made


def deep_box() -> Box:
    """A book of great depth, published once."""
    box = Box(depth=100)
    box.outbox.open(7)
    box.snapshot()
    box.take()
    return box


def test_at_great_depth_every_event_is_written_at_once_and_the_book_now_and_then(
    clock: Clock,
) -> None:
    box, modes = deep_box(), []
    for _ in range(100):
        clock.now += 0.01
        box.update()
        taken = box.take()
        assert taken.kinds == ["update"]
        modes.append(taken.mode)
    assert modes.count("book") == pytest.approx(1.0 / GREAT_BOOK_SECONDS, abs=1)
    assert set(modes) == {"book", "status"}


def test_an_owed_book_is_written_where_its_events_stand(clock: Clock) -> None:
    box = deep_box()
    box.update(3)
    assert box.take().mode == "status"
    assert box.outbox.owes_book
    assert box.outbox.write_book(CONFIRMED_AT, KEPT) is None, "it is too soon"
    clock.now += GREAT_BOOK_SECONDS
    call = box.outbox.write_book(CONFIRMED_AT, KEPT)
    assert call is not None
    taken = Taken(call)
    assert (taken.kinds, taken.mode) == ([], "renew")
    assert call.arguments[9] == box.outbox.seq
    assert taken.fields["best_bid_qty"] == "3.00000000"
    assert not box.outbox.owes_book


def test_a_book_that_redis_did_not_write_is_still_owed(clock: Clock) -> None:
    box = deep_box()
    box.update()
    box.take()
    clock.now += GREAT_BOOK_SECONDS
    assert box.outbox.write_book(CONFIRMED_AT, KEPT) is not None
    box.outbox.book_not_written()
    clock.now += GREAT_BOOK_SECONDS
    assert box.outbox.write_book(CONFIRMED_AT, KEPT) is not None


def test_a_touch_of_a_book_that_is_owed_writes_it(clock: Clock) -> None:
    box = deep_box()
    box.update()
    box.take()
    clock.now += 1
    call = box.outbox.touch(CONFIRMED_AT, KEPT)
    assert call is not None
    assert Taken(call).mode == "renew"
    again = box.outbox.touch(CONFIRMED_AT, KEPT)
    assert again is not None
    assert "touch" in again.arguments


def test_a_snapshot_is_written_with_its_book_whenever_it_comes(clock: Clock) -> None:
    box = deep_box()
    box.snapshot()
    assert box.take().mode == "book"


def test_at_small_depth_each_call_has_the_book(clock: Clock) -> None:
    box = Box()
    box.outbox.open(7)
    box.snapshot()
    box.take()
    box.update()
    assert box.take().mode == "book"
    assert not box.outbox.owes_book
