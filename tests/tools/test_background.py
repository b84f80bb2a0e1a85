"""Work beside a tool: its failure is a failure of the tool."""

from __future__ import annotations

import pytest

from tools.background import BackgroundThread


class Waits(BackgroundThread):
    has_ended = False

    def run(self) -> None:
        self.stopping.wait()
        self.has_ended = True


class Fails(BackgroundThread):
    def run(self) -> None:
        raise KeyError("tasks")


def test_thread_ends_with_its_context() -> None:
    with Waits() as work:
        assert not work.has_ended
    assert work.has_ended


def test_failure_of_the_thread_is_raised_at_the_end() -> None:
    words = r"the thread of Fails has failed: KeyError\('tasks'\)"
    with pytest.raises(AssertionError, match=words), Fails():
        pass


def test_error_of_the_context_is_not_replaced() -> None:
    with pytest.raises(ValueError, match="mine"), Fails():
        raise ValueError("mine")
