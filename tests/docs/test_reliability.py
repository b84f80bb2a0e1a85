"""The tests that docs/reliability.md names are there."""

from __future__ import annotations

import re

from tests.e2e.processes import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text()


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    texts = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    there = {name for text in texts for name in re.findall(r"def (test_\w+)\(", text)}
    assert len(named) > 20
    assert named - there == set()
