"""The line about the compiled hot path, with which `make install` ends."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from tools import speedups

PRESENT, ABSENT = "json", "kraken_book.no_such_module"


def test_line_says_that_the_hot_path_is_compiled() -> None:
    assert speedups.describe(PRESENT) == "compiled hot path: yes"


def test_line_without_a_compiler_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/no/such/cc -O2")
    assert speedups.describe(ABSENT) == (
        "compiled hot path: no, because there is no C compiler. It runs in Python, with the same"
        " results. To compile it: apt-get install gcc python3-dev, or similar, then make -B install"
    )


def test_line_without_headers_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CC", "true")
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    assert "Python's headers are not installed" in speedups.describe(ABSENT)
    assert "apt-get install python3-dev" in speedups.describe(ABSENT)


def test_line_after_a_failed_build_names_the_command_that_shows_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CC", "false")
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    assert "its build failed, and .venv/bin/python setup.py build_ext shows why" in (
        speedups.describe(ABSENT)
    )


def test_free_threaded_python_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: name == "Py_GIL_DISABLED")
    assert speedups.missing_tool() == speedups.FREE_THREADED
