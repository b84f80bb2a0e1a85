"""Recorded frames of Kraken: a small file in `tests/data`, larger ones beside the repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

FindRecording = Callable[[str], Path]
"""Return the file of a recording; the fixture `recorded` skips the test if it is missing."""

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
BESIDE = ROOT.parent / "shared" / "recordings"


def find_recording(name: str) -> Path | None:
    """Return the file of a recording, or None if this machine does not have it."""
    paths = (DATA / name, BESIDE / name)
    return next((path for path in paths if path.is_file()), None)
