"""A pytest plugin that separates the tests that start processes from the unit tests.

A test that starts a process has the marker `process`, and a fixture that starts one requests the
fixture `child_processes`. All other tests are unit tests: if one starts a process, it fails.

With `--unit`, as in `make check`, only the unit tests run, and property tests try fewer examples.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from lab.reaper import reaper

# Python raises these audit events. uvloop starts a process of asyncio without one.
_STARTS = frozenset(("os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"))
_MARKERS = ("process", "real_redis")
_UNIT_EXAMPLES = 20


class ProcessGuard:
    """Raises an error if a test starts a process that is not marked as one that does."""

    def __init__(self) -> None:
        self._item: pytest.Item | None = None
        sys.addaudithook(self._watch)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Watch the test with its fixtures."""
        self._item = item
        try:
            return (yield)
        finally:
            self._item = None

    def _watch(self, event: str, _arguments: tuple[object, ...]) -> None:
        if event in _STARTS and self._item is not None and not starts_processes(self._item):
            raise RuntimeError(
                f"{self._item.nodeid} starts a process ({event}): it needs the marker `process`,"
                " or its fixture must request `child_processes`"
            )


def starts_processes(item: pytest.Item) -> bool:
    """Return whether the test may start processes."""
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return "child_processes" in fixtures or any(map(item.get_closest_marker, _MARKERS))


@pytest.fixture(scope="session")
def child_processes() -> Iterator[None]:
    """Permit a test or a fixture to start processes; kill those that are left at the end."""
    with reaper():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--unit`."""
    parser.addoption(
        "--unit",
        action="store_true",
        help="run only the unit tests, with few examples of each property",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch for processes, and reduce the examples of property tests with `--unit`."""
    config.addinivalue_line("markers", "process: a test that starts a process")
    config.addinivalue_line("markers", "python_m: services are real `python -m`, not forked")
    config.pluginmanager.register(ProcessGuard())
    if config.getoption("unit"):
        hypothesis.settings.register_profile("unit", max_examples=_UNIT_EXAMPLES, deadline=None)
        hypothesis.settings.load_profile("unit")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore the end-to-end tests with `--unit`, because all of them start processes."""
    return True if config.getoption("unit") and collection_path.name == "e2e" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that start processes with `--unit`."""
    if not config.getoption("unit"):
        return
    deselected = [item for item in items if starts_processes(item)]
    config.hook.pytest_deselected(items=deselected)
    items[:] = [item for item in items if not starts_processes(item)]
