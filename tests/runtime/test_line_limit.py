"""Clients cannot fill the log at will."""

from __future__ import annotations

from runtime.line_limit import LineLimit


def test_each_key_has_one_line_in_a_window() -> None:
    limit = LineLimit(seconds=60.0)
    assert [limit.admit("a") for _ in range(5)] == [0, None, None, None, None]
    # The next line says how many there would have been.
    assert limit.admit("b") == 4
    assert limit.admit("b") is None


def test_all_keys_together_have_a_limit() -> None:
    limit = LineLimit(seconds=60.0, together=3)
    assert [limit.admit(str(i)) for i in range(5)] == [0, 0, 0, None, None]


def test_the_next_window_has_its_own_lines() -> None:
    limit = LineLimit(seconds=0.0)
    assert [limit.admit("a") for _ in range(3)] == [0, 0, 0]
