"""The order in which the files of tests begin."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.longest_first import LongestFirst


class Memory:
    """What pytest's cache is to the order: values by key."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value


def order(memory: Memory | None) -> LongestFirst:
    config = SimpleNamespace() if memory is None else SimpleNamespace(cache=memory)
    return LongestFirst(cast("pytest.Config", config))


def remember(memory: Memory, worker: bool = False, **seconds: float) -> None:
    """Let a run end in which the only test of each file took so long."""
    run = order(memory)
    for name, duration in seconds.items():
        report = SimpleNamespace(nodeid=f"tests/{name}.py::test", duration=duration)
        run.pytest_runtest_logreport(cast("pytest.TestReport", report))
    config = SimpleNamespace(workerinput={}) if worker else SimpleNamespace()
    run.pytest_sessionfinish(cast("pytest.Session", SimpleNamespace(config=config)))


def sorted_by(memory: Memory | None, *nodeids: str) -> list[str]:
    items = [cast("pytest.Item", SimpleNamespace(nodeid=each)) for each in nodeids]
    order(memory).pytest_collection_modifyitems(items)
    return [each.nodeid for each in items]


def test_file_that_took_longest_begins_and_its_tests_stay_in_their_order() -> None:
    memory = Memory()
    remember(memory, short=1.0, long=9.0)
    given = ["tests/short.py::a", "tests/long.py::z", "tests/long.py::a"]
    assert sorted_by(memory, *given) == [*given[1:], given[0]]


def test_unknown_file_begins_if_it_starts_processes_and_else_comes_last() -> None:
    memory = Memory()
    remember(memory, known=1.0)
    given = ["tests/new.py::a", "tests/known.py::a", "tests/e2e/new.py::a"]
    assert sorted_by(memory, *given) == given[::-1]


def test_run_of_few_tests_forgets_nothing() -> None:
    memory = Memory()
    remember(memory, first=5.0, second=4.0)
    remember(memory, first=0.1)
    given = ["tests/second.py::a", "tests/first.py::a"]
    assert sorted_by(memory, *given) == given[::-1]


def test_worker_remembers_nothing() -> None:
    memory = Memory()
    remember(memory, worker=True, first=5.0)
    assert memory.values == {}


def test_without_a_cache_processes_begin() -> None:
    given = ["tests/a.py::a", "tests/e2e/a.py::a"]
    assert sorted_by(None, *given) == given[::-1]
