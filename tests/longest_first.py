"""Begin with the files of tests that took longest in the run before.

pytest-xdist gives each file to one worker: one that is long and begun last is what all others wait
for in the end. The seconds of each file are kept in pytest's cache. A file that has none there
comes before all others if it starts processes, and else after them.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

_KEY = "kraken-book/seconds-by-file"


class LongestFirst:
    """Orders the tests of a run, and remembers how long those of each file took."""

    def __init__(self, config: pytest.Config) -> None:
        # Without one there is no memory, as with `-p no:cacheprovider`.
        self._cache: pytest.Cache | None = getattr(config, "cache", None)
        self._took: dict[str, float] = defaultdict(float)
        self._before: dict[str, float] = self._cache.get(_KEY, {}) if self._cache else {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the files; the tests of one stay in their order."""
        items.sort(key=lambda item: -self._expected(_file_of(item.nodeid)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a test took, wherever it ran."""
        self._took[_file_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Remember the longest that a file ever took: a run may be of some of its tests.

        Not in a worker of pytest-xdist, which knows only of its own tests.
        """
        if self._cache and not hasattr(session.config, "workerinput"):
            longer = {
                file: round(max(seconds, self._before.get(file, 0.0)), 1)
                for file, seconds in self._took.items()
            }
            self._cache.set(_KEY, {**self._before, **longer})

    def _expected(self, file: str) -> float:
        unknown = float("inf") if file.startswith("tests/e2e/") else 0.0
        return self._before.get(file, unknown)


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests ordered."""
    config.pluginmanager.register(LongestFirst(config))


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]
