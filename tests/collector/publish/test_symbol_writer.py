"""The calls of one symbol: the next one, and the effect of each result."""

from __future__ import annotations

import pytest

from collector.publish.symbol_writer import GREAT_BOOK_INTERVAL
from kraken_book.contract.write import WriteRefusal
from tests.collector.publish.boxes import Box

EPOCH = 100


@pytest.fixture
def box() -> Box:
    """Return a live book without waiting events; seqs 1 and 2 are in Redis."""
    box = Box()
    box.snapshot()
    box.writer.lead(EPOCH)
    assert box.write().kinds == ["snapshot", "status"]
    return box


# One call at a time


def test_call_is_repeated_unchanged_until_redis_answers(box: Box) -> None:
    box.update(2)
    call = box.next_call()
    assert call is not None
    box.update(3)
    assert box.next_call() is call
    box.writer.failed(call)
    assert box.next_call(is_round=True) is call
    box.writer.done(call)
    assert box.write().seqs == [5, 6, 7]
    assert box.writer.is_idle


def test_events_are_unwritten_until_redis_acknowledges_them(box: Box) -> None:
    box.update(2)
    call = box.next_call()
    assert call is not None
    box.update(3)
    assert box.writer.unwritten == 5
    box.writer.done(call)
    assert box.writer.unwritten == 3


def test_result_of_a_call_is_ignored_after_the_writer_resigned(box: Box) -> None:
    box.update()
    call = box.next_call()
    assert call is not None
    assert box.writer.awaits(call)
    box.writer.resign()
    assert not box.writer.awaits(call)
    assert box.next_call() is None


def test_waiting_events_of_the_previous_epoch_are_written_under_that_epoch(box: Box) -> None:
    box.update()
    call = box.next_call()
    assert call is not None
    box.update()
    box.writer.lead(EPOCH + 1)
    box.writer.done(call)
    earlier = box.write()
    assert (earlier.epoch, earlier.kinds) == (EPOCH, ["update"])
    later = box.write()
    assert (later.epoch, later.kinds) == (EPOCH + 1, ["snapshot", "status"])


def test_busy_book_enters_a_new_epoch_with_the_next_call(box: Box) -> None:
    box.update()
    box.writer.lead(EPOCH + 1)
    call = box.next_call()
    assert call is not None
    assert call.epoch == EPOCH
    box.update()
    box.writer.done(call)
    later = box.write()
    assert (later.epoch, later.kinds) == (EPOCH + 1, ["snapshot", "status", "update"])


def test_refused_symbol_continues_after_the_end_of_its_stream(box: Box) -> None:
    box.update(4)
    assert box.next_call() is not None
    box.writer.refused(WriteRefusal("GAP", EPOCH, 2))
    taken = box.write()
    assert (taken.kinds, taken.events[0]["conflated"]) == (["snapshot", "status"], 4)


def test_symbol_that_is_refused_repeatedly_is_held_back(box: Box) -> None:
    for _ in range(3):
        assert not box.writer.is_held_back
        box.update()
        assert box.next_call() is not None
        box.writer.refused(WriteRefusal("GAP", EPOCH, 2))
    assert box.writer.is_held_back
    assert box.next_call() is None
    box.clock.now += 5.0
    assert box.next_call() is not None


# The age of a quiet book


def test_quiet_book_is_touched_at_its_seq(box: Box) -> None:
    box.update(3)
    box.write()
    box.clock.now += 1.0
    call = box.next_call(is_round=True)
    assert call is not None
    assert (call.entries, call.arguments[3], call.arguments[-2:]) == (0, EPOCH, ("touch", 5))


def test_book_is_not_touched_within_the_touch_interval(box: Box) -> None:
    box.update()
    box.write()
    box.clock.now += 0.5
    assert box.next_call(is_round=True) is None
    box.clock.now += 0.5
    assert box.next_call(is_round=False) is None
    assert box.next_call(is_round=True) is not None


def test_quiet_book_is_rewritten_every_ten_seconds(box: Box) -> None:
    box.update()
    box.write()
    modes = []
    for _ in range(24):
        box.clock.now += 1.0
        call = box.next_call(is_round=True)
        assert call is not None
        modes.append("renew" if "renew" in call.arguments else "touch")
    assert [number for number, mode in enumerate(modes, 1) if mode == "renew"] == [10, 20]


def test_book_that_is_not_live_is_not_touched(box: Box) -> None:
    box.book.lose("closed")
    box.write()
    box.clock.now += 1.0
    assert box.next_call(is_round=True) is None


def test_book_whose_connection_is_down_is_not_touched(box: Box) -> None:
    box.clock.now += 1.0
    box.book.link.last_frame_at = None
    assert box.next_call(is_round=True) is None


# At great depth


def deep_box() -> Box:
    """Return a book of great depth that was published once."""
    box = Box(depth=100)
    box.writer.lead(7)
    box.snapshot()
    box.write()
    return box


def test_deep_book_is_written_at_intervals_and_its_events_at_once() -> None:
    box, modes = deep_box(), []
    for _ in range(100):
        box.clock.now += 0.01
        box.update()
        taken = box.write()
        assert taken.kinds == ["update"]
        modes.append(taken.mode)
    assert modes.count("book") == pytest.approx(1.0 / GREAT_BOOK_INTERVAL, abs=1)
    assert set(modes) == {"book", "status"}


def test_owed_book_is_written_at_the_seq_of_its_last_event() -> None:
    box = deep_box()
    box.update(3)
    assert box.write().mode == "status"
    assert box.writer.owes_book
    assert box.next_call() is None, "the interval has not passed"
    box.clock.now += GREAT_BOOK_INTERVAL
    taken = box.write()
    assert (taken.kinds, taken.mode) == ([], "renew")
    assert taken.call.arguments[9] == box.queue.seq
    assert taken.fields["best_bid_qty"] == "3.00000000"
    assert not box.writer.owes_book


def test_book_is_still_owed_after_a_failed_call() -> None:
    box = deep_box()
    box.update()
    box.write()
    box.clock.now += GREAT_BOOK_INTERVAL
    call = box.next_call()
    assert call is not None
    box.writer.failed(call)
    box.clock.now += GREAT_BOOK_INTERVAL
    assert box.write().mode == "renew"


def test_owed_quiet_book_is_written_before_it_is_touched() -> None:
    box = deep_box()
    box.update()
    box.write()
    box.clock.now += 1.0
    assert box.write(is_round=True).mode == "renew"
    touch = box.next_call(is_round=True)
    assert touch is not None
    assert "touch" in touch.arguments


def test_owed_book_is_not_touched() -> None:
    box = deep_box()
    box.clock.now += GREAT_BOOK_INTERVAL
    box.update()
    box.write()
    box.clock.now += 0.9
    box.update()
    assert box.write().mode == "book"
    box.update()
    assert box.write().mode == "status"
    box.clock.now += 0.2
    assert box.next_call(is_round=True) is None


def test_snapshot_of_a_deep_book_is_written_with_its_book() -> None:
    box = deep_box()
    box.snapshot()
    assert box.write().mode == "book"


def test_shallow_book_is_written_with_every_call() -> None:
    box = Box()
    box.writer.lead(7)
    box.snapshot()
    box.write()
    box.update()
    assert box.write().mode == "book"
    assert not box.writer.owes_book
