"""The tests that pages of docs/ name are there."""

from __future__ import annotations

import re

import pytest

from lab.process import ROOT


@pytest.mark.parametrize(
    ("page", "at_least"),
    [("reliability.md", 20), ("http.md", 10), ("client.md", 7), ("security.md", 40)],
)
def test_every_test_that_is_named_exists(page: str, at_least: int) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text()))
    texts = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    there = {name for text in texts for name in re.findall(r"def (test_\w+)\(", text)}
    assert len(named) >= at_least
    assert named - there == set()
