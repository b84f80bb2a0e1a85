"""A pytest plugin that runs the slowest test files first.

tests/workers.py gives each file to one worker. If a slow file starts last, the other workers wait
for it at the end. The durations of files are kept in pytest's cache; a new clone has those of
tests/slow_files.py.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.slow_files import SLOW_FILES

_KEY = "kraken-book/seconds-by-file"


class LongestFirst:
    """Sorts the tests of a run and records the duration of each file."""

    def __init__(self, config: pytest.Config) -> None:
        # `-p no:cacheprovider` turns the cache off.
        self._cache: pytest.Cache | None = getattr(config, "cache", None)
        self._seconds: dict[str, float] = defaultdict(float)
        self._before: dict[str, float] = self._cache.get(_KEY, {}) if self._cache else {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the files; the tests of a file stay in their order."""

        def turn(item: pytest.Item) -> tuple[float, str]:
            file = file_of(item.nodeid)
            return -self._expected(file), file

        items.sort(key=turn)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the duration of a test."""
        self._seconds[file_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Store the longest known duration of each file, because a run may skip some tests."""
        if self._cache:
            longer = {
                file: round(max(seconds, self._before.get(file, 0.0)), 1)
                for file, seconds in self._seconds.items()
            }
            self._cache.set(_KEY, {**self._before, **longer})

    def _expected(self, file: str) -> float:
        return self._before.get(file, SLOW_FILES.get(file, 0.0))


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin."""
    config.pluginmanager.register(LongestFirst(config))


def file_of(nodeid: str) -> str:
    """Return the file of a test."""
    return nodeid.partition("::")[0]


def is_e2e(file: str) -> bool:
    """Return whether the tests of a file mostly wait for processes."""
    return file.startswith(("tests/e2e/", "tests/venues/"))
