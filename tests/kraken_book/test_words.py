"""Every reason of the contract has an explanation."""

from __future__ import annotations

import pytest

from kraken_book.words import explain
from tests.contract_reasons import contract_reasons


@pytest.mark.parametrize("reason", [*contract_reasons(), "age", "disconnected", "lagged", "gap"])
def test_reason_of_the_contract_is_explained(reason: str) -> None:
    words = explain("syncing", reason)
    assert words != reason
    assert len(words.split()) > 3


@pytest.mark.parametrize("status", ["asked", "syncing", "stale", "refused"])
def test_status_without_a_reason_is_explained(status: str) -> None:
    assert len(explain(status, None).split()) > 3


def test_sentence_of_kraken_is_kept_except_for_control_characters() -> None:
    assert explain("refused", "Currency pair not supported") == "Currency pair not supported"
    assert explain("refused", "refused") == "refused"
    assert explain("syncing", "a\x1b[2Jb") == "a?[2Jb"
    assert len(explain("syncing", "x" * 10_000)) <= 200
