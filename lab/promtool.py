"""Prometheus's own programs, if they are installed: Debian's package `prometheus` has both."""

from __future__ import annotations

import shutil

PROMTOOL = shutil.which("promtool")
PROMETHEUS = shutil.which("prometheus")
NO_PROMTOOL = "promtool is not installed: Debian's package `prometheus` has it"
