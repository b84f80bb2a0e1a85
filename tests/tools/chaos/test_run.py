"""What a run reports of a step: what was seen, and what of it should not have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from lab.sse.account import Tally
from lab.sse.record import LIVE, Word
from tools.chaos.faults import Reach, Step, asked, steps
from tools.chaos.run import FaultResult, judged

CORRUPT = asked(["corrupt?symbol=BTC/USD&count=2"], told=["checksum"])
DOUBT = [Word(10.0, "syncing: checksum"), Word(10.5, LIVE)]


def seen(
    step: Step = CORRUPT,
    words: Sequence[Word] = DOUBT,
    wait: float = 0.1,
    others: Sequence[Word] = (),
    tally: Tally = Tally(events=5),  # noqa: B008 - never changed
    answers: Sequence[str] = ("200",),
) -> FaultResult:
    return judged(step, words, wait, others, tally, Counter(answers))


def test_a_step_as_it_should_be() -> None:
    held = seen()
    assert held.title == "corrupt?count=2"
    assert held.told == ("syncing: checksum",)
    assert held.not_live == pytest.approx(0.5)
    assert held.wrong == []


def test_from_the_first_doubt_to_the_last_is_one_time() -> None:
    again = [*DOUBT, Word(12.0, "stale: age"), Word(13.0, LIVE)]
    assert seen(words=again).not_live == pytest.approx(3.0)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(seen(words=[]), id="not told"),
        pytest.param(
            seen(words=[*DOUBT, Word(11.0, "stale: age"), Word(12.0, LIVE)]), id="told more"
        ),
        pytest.param(seen(others=DOUBT), id="another was told"),
        pytest.param(seen(wait=9.0), id="another waited"),
        pytest.param(seen(tally=Tally(missed=1)), id="missed"),
        pytest.param(seen(tally=Tally(uncounted=1)), id="uncounted"),
        pytest.param(seen(answers=["200", "503"]), id="no answer"),
    ],
)
def test_what_should_not_have_been_is_wrong(wrong: FaultResult) -> None:
    assert len(wrong.wrong) == 1


def test_what_hits_all_may_be_told_to_all() -> None:
    drop = asked(["drop"], told=["checksum"], reach=Reach.ALL)
    assert seen(drop, others=DOUBT, wait=9.0).wrong == []


@pytest.mark.parametrize("reach", [Reach.PAUSE, Reach.ALL])
def test_others_are_told_no_more_than_the_one_who_is_hit(reach: Reach) -> None:
    others = [*DOUBT, Word(10.7, "syncing: closed")]
    drop = asked(["drop"], told=["checksum"], reach=reach)
    assert len(seen(drop, others=others).wrong) == 1


def test_no_book_is_doubted_by_two_steps_of_its_own() -> None:
    told = [(step, hit) for step, hit in steps(f"H{n}/USD" for n in range(20)) if step.told]
    alone = [hit for step, hit in told if step.reach is Reach.NOBODY]
    assert len(told) > len(alone) == len(set(alone))
