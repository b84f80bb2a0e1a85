"""A pytest plugin that runs the slowest test files first.

pytest-xdist gives each file to one worker. If a slow file starts last, the other workers wait for
it at the end. The durations of files are kept in pytest's cache. A file without a known duration
comes first if it is an end-to-end test, else last.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

_KEY = "kraken-book/seconds-by-file"


class LongestFirst:
    """Sorts the tests of a run and records the duration of each file."""

    def __init__(self, config: pytest.Config) -> None:
        # `-p no:cacheprovider` turns the cache off.
        self._cache: pytest.Cache | None = getattr(config, "cache", None)
        self._seconds: dict[str, float] = defaultdict(float)
        self._before: dict[str, float] = self._cache.get(_KEY, {}) if self._cache else {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the files by duration; the tests of a file stay in their order."""
        items.sort(key=lambda item: -self._expected(_file_of(item.nodeid)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the duration of a test, which may have run in a worker."""
        self._seconds[_file_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Store the longest known duration of each file, because a run may skip some tests.

        Workers of pytest-xdist store nothing, because they know only their own tests.
        """
        if self._cache and not hasattr(session.config, "workerinput"):
            longer = {
                file: round(max(seconds, self._before.get(file, 0.0)), 1)
                for file, seconds in self._seconds.items()
            }
            self._cache.set(_KEY, {**self._before, **longer})

    def _expected(self, file: str) -> float:
        unknown = float("inf") if file.startswith("tests/e2e/") else 0.0
        return self._before.get(file, unknown)


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin."""
    config.pluginmanager.register(LongestFirst(config))


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]
