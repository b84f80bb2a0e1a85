"""Node, to run JavaScript without a browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import playwright


def find_node() -> str:
    """Return the path of Node: the machine's, else the one inside of Playwright's package."""
    packaged = Path(playwright.__file__).parent / "driver" / "node"
    return shutil.which("node") or str(packaged)
