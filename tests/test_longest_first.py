"""The order of test files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.process import ROOT
from tests.longest_first import LongestFirst
from tests.slow_files import SLOW_FILES


class FakeCache:
    """A stand-in for pytest's cache."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value


def plugin(cache: FakeCache | None) -> LongestFirst:
    config = SimpleNamespace() if cache is None else SimpleNamespace(cache=cache)
    return LongestFirst(cast("pytest.Config", config))


def finish_run(cache: FakeCache, **seconds: float) -> None:
    """Finish a run in which each file has one test with the given duration."""
    run = plugin(cache)
    for name, duration in seconds.items():
        report = SimpleNamespace(nodeid=f"tests/{name}.py::test", duration=duration)
        run.pytest_runtest_logreport(cast("pytest.TestReport", report))
    run.pytest_sessionfinish()


def sort_files(cache: FakeCache | None, *nodeids: str) -> list[str]:
    items = [cast("pytest.Item", SimpleNamespace(nodeid=each)) for each in nodeids]
    plugin(cache).pytest_collection_modifyitems(items)
    return [each.nodeid for each in items]


def test_slowest_file_comes_first_and_keeps_the_order_of_its_tests() -> None:
    cache = FakeCache()
    finish_run(cache, short=1.0, long=9.0)
    given = ["tests/short.py::a", "tests/long.py::z", "tests/long.py::a"]
    assert sort_files(cache, *given) == [*given[1:], given[0]]


def test_file_of_unknown_duration_comes_last() -> None:
    cache = FakeCache()
    finish_run(cache, known=1.0)
    given = ["tests/new.py::a", "tests/known.py::a"]
    assert sort_files(cache, *given) == given[::-1]


def test_run_of_some_tests_keeps_the_durations_of_others() -> None:
    cache = FakeCache()
    finish_run(cache, first=5.0, second=4.0)
    finish_run(cache, first=0.1)
    given = ["tests/second.py::a", "tests/first.py::a"]
    assert sort_files(cache, *given) == given[::-1]


def test_files_known_as_slow_come_first_in_a_new_clone() -> None:
    slowest, slow, *_ = SLOW_FILES
    given = ["tests/a.py::a", f"{slow}::a", f"{slowest}::a"]
    assert sort_files(None, *given) == given[::-1]
    assert sort_files(FakeCache(), *given) == given[::-1]


def test_files_known_as_slow_exist() -> None:
    assert [file for file in SLOW_FILES if not (ROOT / file).exists()] == []
