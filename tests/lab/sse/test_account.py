"""The account of a reader: every seq is counted once, and broken promises raise an error."""

from __future__ import annotations

from typing import Any

import pytest

from lab.ladder import BrokenPromiseError
from lab.sse.account import Account, Tally

# The CRC-32 of an empty book is 0.
EMPTY: dict[str, Any] = {
    "symbol": "BTC/USD",
    "epoch": 1,
    "bids": [],
    "asks": [],
    "best_bid": None,
    "best_ask": None,
    "spread": None,
    "checksum": 0,
}


def update(seq: int) -> dict[str, Any]:
    return {**EMPTY, "kind": "update", "seq": seq}


def snapshot(seq: int, conflated: int | None = None) -> dict[str, Any]:
    book = {"depth": 10, "price_precision": 1, "qty_precision": 8, "conflated": conflated}
    return {**EMPTY, **book, "kind": "snapshot", "seq": seq}


SYNCING = {"symbol": "BTC/USD", "kind": "status", "seq": 8, "epoch": 1, "status": "syncing"}
LAGGED = {"symbol": "BTC/USD", "kind": "lagged", "missed": None, "reason": "unknown"}


def account_of(*events: dict[str, Any]) -> Account:
    account = Account("BTC/USD")
    for event in events:
        account.take(event)
    return account


def test_consecutive_events_are_counted_as_events() -> None:
    account = account_of(snapshot(7), update(8), update(9))
    assert account.tally == Tally(events=3)


def test_gap_before_snapshot_is_conflated_if_it_is_counted() -> None:
    account = account_of(snapshot(7), snapshot(10, conflated=2))
    assert account.tally == Tally(events=2, conflated=2)


def test_gap_of_resync_is_uncounted() -> None:
    account = account_of(snapshot(7), SYNCING, snapshot(12))
    assert account.tally == Tally(events=3, uncounted=3)


@pytest.mark.parametrize("first", [snapshot(9), {**SYNCING, "seq": 9}])
def test_gap_before_first_event_of_new_leader_is_uncounted(first: dict[str, Any]) -> None:
    account = account_of(snapshot(7), {**first, "epoch": 2})
    assert account.tally == Tally(events=2, uncounted=1)


def test_other_gap_without_count_is_unexplained() -> None:
    account = account_of(snapshot(7), SYNCING, snapshot(9), update(10), snapshot(15))
    assert account.tally == Tally(events=5, uncounted=4, unexplained=4)


def test_gap_after_lagged_is_missed() -> None:
    account = account_of(snapshot(7), LAGGED, snapshot(11), update(12))
    assert account.tally == Tally(events=3, missed=3)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([update(9)], id="missing event"),
        pytest.param([update(8), update(8)], id="repeated event"),
        pytest.param([snapshot(10, conflated=1)], id="snapshot counts too few"),
        pytest.param([{**update(8), "checksum": 1}], id="wrong checksum"),
        pytest.param([LAGGED, update(8)], id="update instead of snapshot after lagged"),
    ],
)
def test_account_rejects_events_that_break_the_contract(events: list[dict[str, Any]]) -> None:
    with pytest.raises(BrokenPromiseError):
        account_of(snapshot(7), *events)
