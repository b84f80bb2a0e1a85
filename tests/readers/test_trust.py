"""What a reader may believe, word by word."""

from __future__ import annotations

from typing import Any

from tests.readers.trust import Trust

SNAPSHOT: dict[str, Any] = {"kind": "snapshot", "seq": 3}
UPDATE: dict[str, Any] = {"kind": "update", "seq": 4}
LAGGED: dict[str, Any] = {"kind": "lagged", "reason": "slow"}


def status(word: str, reason: str | None = None, seq: int | None = 5) -> dict[str, Any]:
    return {"kind": "status", "seq": seq, "status": word, "reason": reason}


def words_of(*events: dict[str, Any]) -> list[str]:
    trust = Trust(0.0)
    for now, event in enumerate(events):
        trust.take(event, now)
    return [word.text for word in trust.words[1:]]


def test_a_book_is_believed_from_its_snapshot_on() -> None:
    assert words_of(SNAPSHOT, UPDATE, status("live")) == ["live"]


def test_a_doubt_has_its_reason_and_ends_with_a_snapshot() -> None:
    told = words_of(SNAPSHOT, status("syncing", "checksum"), SNAPSHOT, status("live"))
    assert told == ["live", "syncing: checksum", "live"]


def test_what_the_api_says_ends_by_its_own_word_alone() -> None:
    stale = status("stale", "age", seq=None)
    assert words_of(SNAPSHOT, stale, UPDATE, SNAPSHOT) == ["live", "stale"]
    assert words_of(SNAPSHOT, stale, status("live", seq=None)) == ["live", "stale", "live"]


def test_the_words_of_both_are_kept_apart() -> None:
    stale, live = status("stale", "age", seq=None), status("live", seq=None)
    told = words_of(SNAPSHOT, stale, status("syncing", "silent"), SNAPSHOT, live)
    assert told == ["live", "stale", "syncing: silent", "stale", "live"]


def test_who_missed_events_believes_the_next_snapshot() -> None:
    assert words_of(SNAPSHOT, LAGGED, SNAPSHOT) == ["live", "lagged: slow", "live"]


def test_another_api_knows_nothing_of_what_the_last_one_said() -> None:
    trust = Trust(0.0)
    trust.take(SNAPSHOT, 1.0)
    trust.take(status("stale", "age", seq=None), 2.0)
    trust.come_back()
    assert trust.live
