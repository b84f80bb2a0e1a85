"""The machine on which the figures were measured."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime

from launcher.embedded_redis import find_server


def machine() -> str:
    """Return cores, versions and the date in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"Python {platform.python_version()}"
    return f"{cores} cores, {python}, {_redis()}, {datetime.now(UTC):%Y-%m-%d}"


def _redis() -> str:
    told = subprocess.run(
        [find_server(), "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = re.search(r"v=([\d.]+)", told)
    return f"{told.split()[0]} {version[1] if version else '?'}"
