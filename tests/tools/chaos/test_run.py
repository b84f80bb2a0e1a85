"""The effects of a step that a run reports, and the promises that they break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from lab.sse.account import Tally
from lab.sse.record import LIVE, Word
from tools.chaos.faults import Reach, Step, simulated, steps
from tools.chaos.run import FaultResult, judged

CORRUPT = simulated(["corrupt?symbol=BTC/USD&count=2"], reasons=["checksum"])
DOUBT = [Word(10.0, "syncing: checksum"), Word(10.5, LIVE)]


def result_of(
    step: Step = CORRUPT,
    words: Sequence[Word] = DOUBT,
    wait: float = 0.1,
    others: Sequence[Word] = (),
    tally: Tally = Tally(events=5),  # noqa: B008 - never changed
    answers: Sequence[str] = ("200",),
) -> FaultResult:
    return judged(step, words, wait, others, tally, Counter(answers))


def test_result_of_expected_effects_breaks_no_promise() -> None:
    result = result_of()
    assert result.title == "corrupt?count=2"
    assert result.statuses == ("syncing: checksum",)
    assert result.not_live == pytest.approx(0.5)
    assert result.broken == []


def test_not_live_spans_first_doubt_to_last_recovery() -> None:
    again = [*DOUBT, Word(12.0, "stale: age"), Word(13.0, LIVE)]
    assert result_of(words=again).not_live == pytest.approx(3.0)


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(result_of(words=[]), id="missing status"),
        pytest.param(
            result_of(words=[*DOUBT, Word(11.0, "stale: age"), Word(12.0, LIVE)]),
            id="unexpected status",
        ),
        pytest.param(result_of(others=DOUBT), id="unexpected status of another reader"),
        pytest.param(result_of(wait=9.0), id="long wait of another reader"),
        pytest.param(result_of(tally=Tally(missed=1)), id="missed event"),
        pytest.param(result_of(tally=Tally(uncounted=1)), id="uncounted event"),
        pytest.param(result_of(answers=["200", "503"]), id="unexpected answer"),
    ],
)
def test_result_of_unexpected_effect_breaks_one_promise(result: FaultResult) -> None:
    assert len(result.broken) == 1


def test_fault_of_all_connections_may_affect_all_readers() -> None:
    drop = simulated(["drop"], reasons=["checksum"], reach=Reach.ALL)
    assert result_of(drop, others=DOUBT, wait=9.0).broken == []


@pytest.mark.parametrize("reach", [Reach.PAUSE, Reach.ALL])
def test_other_readers_get_only_statuses_of_hit_book(reach: Reach) -> None:
    others = [*DOUBT, Word(10.7, "syncing: closed")]
    drop = simulated(["drop"], reasons=["checksum"], reach=reach)
    assert len(result_of(drop, others=others).broken) == 1


def test_steps_of_single_books_hit_each_book_once() -> None:
    doubting = [(step, hit) for step, hit in steps(f"H{n}/USD" for n in range(20)) if step.statuses]
    isolated = [hit for step, hit in doubting if step.reach is Reach.NOBODY]
    assert len(doubting) > len(isolated) == len(set(isolated))
