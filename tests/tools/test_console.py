"""The console of the tools: tables and verdicts."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tools.console import PROMISES_KEPT, SIGNALS, exit_on_signals, print_verdict, table


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the handlers of the signals."""
    before = [(number, signal.getsignal(number)) for number in SIGNALS]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def test_table_aligns_texts_left_and_figures_right() -> None:
    assert list(table(("fault", "status", "s"), [("drop", "closed", "1.5")], 2)) == [
        "fault  status    s",
        "-----  ------  ---",
        "drop   closed  1.5",
    ]


@pytest.mark.parametrize(
    ("broken", "failure", "line", "code"),
    [
        ([], None, "every promise held", 0),
        (["3 events missed"], None, "BROKEN: 3 events missed", 1),
        ([], "no book is live", "FAILED: no book is live", 1),
    ],
)
def test_verdict_has_exit_code_1_unless_every_promise_held(
    broken: list[str], failure: str | None, line: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_verdict(["1 fault"], broken, failure) == code

    output = capsys.readouterr().out
    assert "1 fault\n" in output
    assert line in output
    assert ("every promise held" in output) is (code == 0)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", SIGNALS)
def test_signal_ends_a_tool_with_the_exit_code_of_its_help(number: signal.Signals) -> None:
    exit_on_signals()
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert number.name in PROMISES_KEPT[128 + number]
