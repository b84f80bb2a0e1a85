"""The choice between the compiled hot path and pure Python."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import kraken_book
from kraken_book.speedups import PURE_VARIABLE, compiled
from lab.process import ROOT
from tools import speedups

PRINT_CHOICE = "import kraken_book; print(kraken_book.__speedups__)"
IS_PURE = os.environ.get(PURE_VARIABLE, "0") not in {"", "0"}


def choice_with(value: str) -> str:
    """Return what a process chooses if the variable has a value."""
    return subprocess.run(
        [sys.executable, "-c", PRINT_CHOICE],
        cwd=ROOT, env={**os.environ, PURE_VARIABLE: value},
        capture_output=True, text=True, timeout=180, check=True,
    ).stdout.strip()  # fmt: skip


def test_package_says_whether_the_hot_path_is_compiled() -> None:
    assert kraken_book.__speedups__ == (compiled is not None)


def test_hot_path_is_compiled_if_this_machine_can_compile_it() -> None:
    missing = speedups.missing_tool()
    if missing is not None:
        pytest.skip(missing)
    assert speedups.reason_of_absence() is None
    assert kraken_book.__speedups__ == (not IS_PURE)


@pytest.mark.process
@pytest.mark.parametrize("value", ["1", "yes"])
def test_variable_selects_pure_python(value: str) -> None:
    assert choice_with(value) == "False"


@pytest.mark.process
@pytest.mark.parametrize("value", ["", "0"])
def test_compiled_module_is_used_unless_the_variable_is_set(value: str) -> None:
    assert choice_with(value) == str(speedups.reason_of_absence() is None)
