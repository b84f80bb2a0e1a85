"""The console of the tools: tables and verdicts."""

from __future__ import annotations

import pytest

from tools.console import print_verdict, table


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
