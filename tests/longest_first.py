"""A pytest plugin that runs the slowest test files first, and unit tests beside end-to-end tests.

pytest-xdist gives each file to one worker. If a slow file starts last, the other workers wait for
it at the end. The durations of files are kept in pytest's cache. A file without a known duration
counts as slow if it is an end-to-end test, else as fast.

End-to-end tests mostly wait, and unit tests compute. Both kinds finish together, because with one
kind after the other, processors are idle during the first and workers wait during the second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate

import pytest

_KEY = "kraken-book/seconds-by-file"
_UNKNOWN_E2E_SECONDS = 30.0
_MIN_SECONDS = 0.1


class LongestFirst:
    """Sorts the tests of a run and records the duration of each file."""

    def __init__(self, config: pytest.Config) -> None:
        # `-p no:cacheprovider` turns the cache off.
        self._cache: pytest.Cache | None = getattr(config, "cache", None)
        self._seconds: dict[str, float] = defaultdict(float)
        self._before: dict[str, float] = self._cache.get(_KEY, {}) if self._cache else {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the files; the tests of a file stay in their order."""
        files = {_file_of(item.nodeid) for item in items}
        e2e = {file for file in files if _is_e2e(file)}
        turns = {**self._turns(e2e), **self._turns(files - e2e)}

        def turn(item: pytest.Item) -> tuple[float, float, str]:
            file = _file_of(item.nodeid)
            return turns[file], -self._expected(file), file

        items.sort(key=turn)

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

    def _turns(self, files: Iterable[str]) -> dict[str, float]:
        """Return for each file the share of the seconds of all files that slower ones take."""
        slowest_first = sorted(files, key=lambda file: (-self._expected(file), file))
        until = list(accumulate(map(self._expected, slowest_first), initial=0.0))
        starts = zip(slowest_first, until, strict=False)
        return {file: start / until[-1] for file, start in starts}

    def _expected(self, file: str) -> float:
        unknown = _UNKNOWN_E2E_SECONDS if _is_e2e(file) else 0.0
        return max(self._before.get(file, unknown), _MIN_SECONDS)


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin."""
    config.pluginmanager.register(LongestFirst(config))


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _is_e2e(file: str) -> bool:
    """Return whether the tests of a file mostly wait for processes."""
    return file.startswith(("tests/e2e/", "tests/venues/"))
