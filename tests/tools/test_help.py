"""Every tool has `--help` in one form, and refuses unknown arguments."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.process import ROOT

pytestmark = pytest.mark.process

TOOLS = ["tools.chaos", "tools.soak", "tools.compose", "tools.pictures", "tools.plan", "bench"]


def run_tool(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
def test_help_names_the_command_and_starts_nothing(tool: str) -> None:
    ended = run_tool(tool, "--help")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"usage: python -m {tool} ")


@pytest.mark.parametrize("tool", TOOLS)
def test_unknown_argument_is_refused_in_one_line(tool: str) -> None:
    ended = run_tool(tool, "--no-such-option")

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
