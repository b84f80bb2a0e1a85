"""The write script without a new book: statuses, touches and renewals."""

from __future__ import annotations

import pytest

from kraken_book.contract.write import (
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
)
from tests.kraken_book.script_runner import LATER, ScriptRunner


def test_status_keeps_the_stored_book(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    before = script.hash()
    script.run(status_call(7, [status(3)]))
    after = script.hash()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"status", "stream_seq", "stream_id"}
    assert after["status"] == "syncing"


def test_first_status_creates_a_hash_with_empty_book_fields(script: ScriptRunner) -> None:
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
    assert (fields["status"], script.stream_position()) == ("syncing", (7, 1))


def test_book_fills_the_fields_that_two_statuses_left_empty(script: ScriptRunner) -> None:
    script.run(status_call(7, [status(1)]))
    script.run(status_call(7, [status(2)]))
    assert script.hash()["bids"] == ""
    script.run(book_call(7, [snapshot(3)]))
    assert script.book_position() == (7, 3)
    assert script.hash()["status"] == "live"


def test_status_after_updates_keeps_the_position_of_the_book(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(status_call(7, [update(2), status(3)]))
    assert (script.stream_position(), script.book_position()) == ((7, 3), (7, 1))


def test_touch_changes_only_confirmed_at(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    before, entries = script.hash(), script.entries()
    assert script.run(touch_book("BTC/USD", 7, LATER, KEPT, 2)).seq == 2
    assert script.hash() == {**before, "confirmed_at": LATER}
    assert before["confirmed_at"] == CONFIRMED_AT
    assert script.entries() == entries


@pytest.mark.parametrize(
    ("epoch", "seq", "word"), [(7, 1, "GAP"), (7, 3, "GAP"), (8, 2, "GAP"), (6, 2, "FENCED")]
)
def test_touch_of_another_book_is_refused(
    script: ScriptRunner, epoch: int, seq: int, word: str
) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    call = touch_book("BTC/USD", epoch, LATER, KEPT, seq)
    assert script.unchanged_refusal(call) == (word, 7, 2)


def test_touch_of_a_book_of_an_older_epoch_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(status_call(8, [status(2)]))
    assert script.unchanged_refusal(touch_book("BTC/USD", 8, LATER, KEPT, 1)) == ("GAP", 8, 2)
    assert script.unchanged_refusal(touch_book("BTC/USD", 8, LATER, KEPT, 2)) == ("GAP", 8, 2)


def test_touch_without_a_hash_is_refused(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.delete_hash()
    assert script.unchanged_refusal(touch_book("BTC/USD", 7, LATER, KEPT, 1)) == ("GAP", 7, 1)
    script.delete_stream()
    assert script.unchanged_refusal(touch_book("BTC/USD", 7, LATER, KEPT, 1)) == ("GAP", 0, 0)


def test_renewal_sets_the_book_at_the_position_of_the_stream(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1)]))
    script.run(status_call(7, [update(2), update(3)]))
    assert script.book_position() == (7, 1)
    assert script.run(renewal(7, 3, confirmed_at=LATER)).seq == 3
    assert script.book_position() == (7, 3)
    fields = script.hash()
    assert fields["best_bid_qty"] == "0.00000003"
    assert (fields["status"], fields["confirmed_at"]) == ("live", LATER)
    assert script.positions() == [(7, 1, "snapshot"), (7, 2, "update"), (7, 3, "update")]


def test_renewal_is_refused_after_newer_events(script: ScriptRunner) -> None:
    script.run(book_call(7, [snapshot(1), update(2)]))
    late = renewal(7, 2)
    script.run(status_call(7, [update(3)]))
    assert script.unchanged_refusal(late) == ("GAP", 7, 3)
    script.run(book_call(8, [snapshot(4)]))
    assert script.unchanged_refusal(late) == ("FENCED", 8, 4)
    script.delete_hash()
    assert script.unchanged_refusal(renewal(8, 4)) == ("GAP", 8, 4)


def test_touch_before_the_first_book_is_refused(script: ScriptRunner) -> None:
    script.run(status_call(7, [status(1)]))
    assert script.unchanged_refusal(touch_book("BTC/USD", 7, LATER, KEPT, 1)) == ("GAP", 7, 1)
