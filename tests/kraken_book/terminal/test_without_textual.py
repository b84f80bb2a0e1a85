"""Without textual the client works, and the terminal says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT_TEXTUAL = """
import runpy, sys
sys.modules["textual"] = sys.modules["rich"] = None
module, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(module, run_name="__main__")
"""


def run_without_textual(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_TEXTUAL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.process
def test_terminal_without_textual_says_in_one_line_what_to_install() -> None:
    ended = run_without_textual("kraken_book.terminal", "BTC/USD")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "python -m kraken_book.terminal: textual is not installed:"
        " pip install 'kraken-book[terminal]' brings it\n"
    )


@pytest.mark.process
def test_client_works_without_textual() -> None:
    ended = run_without_textual("kraken_book", "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "usage" in ended.stdout
