"""The account that a reader keeps: each number has its place, or there is no account."""

from __future__ import annotations

from typing import Any

import pytest

from lab.ladder import BrokenPromiseError
from lab.sse.account import Account, Tally

# The checksum of an empty book: nothing to sum up.
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


LAGGED = {"symbol": "BTC/USD", "kind": "lagged", "missed": None, "reason": "unknown"}


def account_of(*events: dict[str, Any]) -> Account:
    account = Account("BTC/USD")
    for event in events:
        account.take(event)
    return account


def test_events_one_after_another_are_events() -> None:
    account = account_of(snapshot(7), update(8), update(9))
    assert account.tally == Tally(events=3)


def test_a_jump_is_told_apart_by_what_the_snapshot_says_of_it() -> None:
    account = account_of(snapshot(7), snapshot(10, conflated=2), snapshot(15))
    assert account.tally == Tally(events=3, conflated=2, uncounted=4)


def test_what_a_reader_was_told_to_have_missed_is_missed() -> None:
    account = account_of(snapshot(7), LAGGED, snapshot(11), update(12))
    assert account.tally == Tally(events=3, missed=3)


@pytest.mark.parametrize(
    "then",
    [
        pytest.param([update(9)], id="an event is missing"),
        pytest.param([update(8), update(8)], id="an event comes twice"),
        pytest.param([snapshot(10, conflated=1)], id="a snapshot counts too few"),
        pytest.param([{**update(8), "checksum": 1}], id="a book is not the one of its checksum"),
        pytest.param([LAGGED, update(8)], id="no snapshot follows where events were missed"),
    ],
)
def test_what_the_contract_rules_out_is_no_account(then: list[dict[str, Any]]) -> None:
    with pytest.raises(BrokenPromiseError):
        account_of(snapshot(7), *then)
