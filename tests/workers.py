"""A pytest plugin that runs test files in several processes, forked after the collection.

The tests are collected once, and a worker starts in milliseconds. Each worker of pytest-xdist
imports and collects all of them. With ten workers, that is 36 s of CPU until the first test instead
of 6 s (2026-11): 15 s of each run on two cores. pytest-xdist also has no lower priority for some
workers, which is explained below.

A worker runs one file at a time, and keeps the fixtures of its session. The files start in the
order of the collected tests. Some workers, one for each processor, run the files that mostly
compute, at a lower priority: they use the time while the end-to-end tests in the other workers
wait, and do not delay them.

The files of a package, a folder with `__init__.py`, share fixtures that are costly to start, such
as a browser. Few workers run them, and such a worker continues with the package until its files
have all begun.

If a worker dies, the test that it ran fails, and another worker runs the rest of the file.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import sys
import traceback
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, NamedTuple, NoReturn

import pytest
from _pytest.config import create_terminal_writer

from lab.ports import WORKER_VARIABLE
from runtime.process import die_with_parent
from tests.longest_first import file_of, is_e2e

COMPUTING_PRIORITY = 5
"""What is added to the nice value of workers that compute, if others run end-to-end tests."""
PACKAGE_WORKERS = 3
"""The most workers that run files of one package at a time."""
_END_TIMEOUT = 10.0


@dataclass(frozen=True)
class _Gateway:
    id: str


@dataclass(frozen=True)
class _Node:
    """The worker of a report, as pytest's terminal knows it of pytest-xdist."""

    gateway: _Gateway
    _workerinfocache: str
    """The line that precedes a failure."""


class _File(NamedTuple):
    """A file, or the rest of one whose worker died."""

    path: str
    tests: list[int]
    """The indices of its tests."""
    package: str | None
    """The innermost package that it is in."""


@dataclass
class _Process:
    """A worker, as the main process sees it."""

    number: int
    pid: int
    connection: Connection
    computes: bool
    left: list[int] = field(default_factory=list)
    """The indices of the tests of its files that have not ended, first the one that runs."""
    package: str | None = None
    """The package of its last file."""

    @property
    def node(self) -> _Node:
        """The worker for pytest's terminal."""
        return _Node(_Gateway(f"w{self.number}"), f"[w{self.number}]")


class Workers:
    """Runs the tests of a session in workers, and reports as if they had run here."""

    def __init__(self, config: pytest.Config, count: int) -> None:
        self._config = config
        self._count = count
        self._items: list[pytest.Item] = []
        self._waiting: deque[_File] = deque()
        self._computing: deque[_File] = deque()
        self._priority = 0
        self._processes: dict[Connection, _Process] = {}
        self._numbers = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all tests; return None if there is nothing to run."""
        failed = session.testsfailed and not session.config.option.continue_on_collection_errors
        if failed or session.config.option.collectonly or not session.items:
            return None
        self._items = session.items
        for file in self._files_of(range(len(self._items))):
            self._queue_of(file).append(file)
        self._priority = COMPUTING_PRIORITY if self._waiting else 0
        try:
            self._run(session)
        finally:
            self._end_all()
        return True

    def _run(self, session: pytest.Session) -> None:
        self._start_missing()
        while self._processes:
            for connection in wait(list(self._processes)):
                assert isinstance(connection, Connection)
                self._serve(self._processes[connection])
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)

    def _files_of(self, indices: Iterable[int]) -> Iterator[_File]:
        """Yield the files of tests."""
        for path, found in groupby(indices, lambda index: file_of(self._items[index].nodeid)):
            tests = list(found)
            package = self._items[tests[0]].getparent(pytest.Package)
            yield _File(path, tests, package.nodeid if package else None)

    def _queue_of(self, file: _File) -> deque[_File]:
        return self._waiting if is_e2e(file.path) else self._computing

    def _start_missing(self) -> None:
        """Start workers up to their number, unless there are fewer files."""
        files = len(list(self._open_files([*self._waiting, *self._computing])))
        without_file = sum(not each.left for each in self._processes.values())
        for _ in range(min(self._count - len(self._processes), files - without_file)):
            computing = sum(each.computes for each in self._processes.values())
            self._start(len(self._computing) > computing < (os.cpu_count() or 1))

    def _start(self, computes: bool) -> None:
        number, self._numbers = self._numbers, self._numbers + 1
        ours, theirs = Pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            for other in self._processes:
                other.close()
            if computes:
                os.nice(self._priority)
            _Worker(self._config, self._items, theirs, number).main()
        theirs.close()
        self._processes[ours] = _Process(number, pid, ours, computes)

    def _serve(self, process: _Process) -> None:
        """Take one message of a worker."""
        try:
            kind, content = process.connection.recv()
        except (EOFError, OSError):
            self._end(process)
            return
        if kind == "next":
            with contextlib.suppress(BrokenPipeError):
                process.connection.send(self._next_file(process))
        elif kind == "ended":
            process.left.remove(content)
        elif kind == "report":
            report = self._config.hook.pytest_report_from_serializable(
                config=self._config, data=content
            )
            report.node = process.node
            self._config.hook.pytest_runtest_logreport(report=report)
        elif kind == "warning":
            self._config.hook.pytest_warning_recorded.call_historic(kwargs=_unpacked(content))
        else:
            raise RuntimeError(f"worker {process.number} failed:\n{content}")

    def _next_file(self, process: _Process) -> list[int] | None:
        """Return the tests of the next file; None if there is none for this worker."""
        queues = [self._computing] if process.computes else [self._waiting, self._computing]
        files = [file for queue in queues for file in queue]
        of_package = (each for each in files if each.package and each.package == process.package)
        file = next(chain(of_package, self._open_files(files)), None)
        if file is None:
            return None
        self._queue_of(file).remove(file)
        process.package = file.package
        process.left += file.tests
        return file.tests

    def _open_files(self, files: Iterable[_File]) -> Iterator[_File]:
        """Yield the files that another worker may begin."""
        workers = Counter(each.package for each in self._processes.values())
        return (
            each
            for each in files
            if each.package is None or workers[each.package] < PACKAGE_WORKERS
        )

    def _end(self, process: _Process) -> None:
        """Forget a worker that has ended; report the test that ended it, and replace the worker."""
        del self._processes[process.connection]
        process.connection.close()
        _, status = os.waitpid(process.pid, 0)
        if process.left:
            crashed, *rest = process.left
            self._report_crash(process, self._items[crashed], os.waitstatus_to_exitcode(status))
            for file in self._files_of(rest):
                self._queue_of(file).appendleft(file)
        self._start_missing()

    def _report_crash(self, process: _Process, item: pytest.Item, code: int) -> None:
        reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        report = pytest.TestReport(
            item.nodeid,
            item.location,
            {},
            "failed",
            f"worker {process.number} ended with {reason} in this test",
            "call",
        )
        report.node = process.node  # type: ignore[attr-defined]
        self._config.hook.pytest_runtest_logreport(report=report)

    def _end_all(self) -> None:
        """Wait until workers that still run have undone their fixtures; kill those that hang."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)
        while self._processes:
            ready = wait(list(self._processes), _END_TIMEOUT)
            if not ready:
                for process in self._processes.values():
                    os.kill(process.pid, signal.SIGKILL)
            for connection in ready:
                process = self._processes[connection]  # type: ignore[index]
                try:
                    process.connection.recv()
                except (EOFError, OSError):
                    del self._processes[process.connection]
                    os.waitpid(process.pid, 0)


class _Worker:
    """The plugin of a worker, in its process."""

    def __init__(
        self,
        config: pytest.Config,
        items: Sequence[pytest.Item],
        connection: Connection,
        number: int,
    ) -> None:
        self._config = config
        self._items = items
        self._connection = connection
        self._number = number

    def main(self) -> NoReturn:
        """Run files until there are no more; never return to the code of the main process."""
        code = 1
        try:
            die_with_parent()
            # It is ignored if a shell has started the run in the background.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.environ[WORKER_VARIABLE] = str(self._number)
            self._take_over()
            self._run()
            code = 0
        except KeyboardInterrupt:
            code = 2
        except BaseException:  # noqa: BLE001 - the main process shows it
            with contextlib.suppress(OSError):
                self._connection.send(("failed", traceback.format_exc()))
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _take_over(self) -> None:
        """Give this process its own capture of output, and send reports instead of printing."""
        plugins = self._config.pluginmanager
        capture = plugins.getplugin("capturemanager")
        if capture is not None:
            # The files that take the output are those of the main process.
            capture.stop_global_capturing()
            capture.start_global_capturing()
            capture.suspend_global_capture()
        plugins.unregister(name="terminalreporter")
        plugins.register(_NoTerminal(self._config), "terminalreporter")
        plugins.register(self)

    def _run(self) -> None:
        file = self._next_file()
        try:
            while file is not None:
                for place, index in enumerate(file, 1):
                    # Fixtures remain if the next test shares them.
                    if place < len(file):
                        following: int | None = file[place]
                    else:
                        file_after = self._next_file()
                        following = file_after[0] if file_after else None
                    self._config.hook.pytest_runtest_protocol(
                        item=self._items[index],
                        nextitem=None if following is None else self._items[following],
                    )
                    self._connection.send(("ended", index))
                file = file_after
        except BaseException:
            self._items[0].session._setupstate.teardown_exact(None)
            raise

    def _next_file(self) -> list[int] | None:
        self._connection.send(("next", None))
        file: list[int] | None = self._connection.recv()
        return file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Send the report."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._connection.send(("report", data))

    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        """Send the warning."""
        where = {"when": when, "nodeid": nodeid, "location": location}
        message = {
            "message": str(warning_message.message),
            "category": _sendable(warning_message.category),
            "filename": warning_message.filename,
            "lineno": warning_message.lineno,
        }
        self._connection.send(("warning", (message, where)))


class _NoTerminal:
    """Takes what plugins write to the terminal, which is the main process's alone."""

    def __init__(self, config: pytest.Config) -> None:
        self._tw = create_terminal_writer(config, io.StringIO())


def _sendable(category: type[Warning]) -> type[Warning]:
    """Return the category, or a known one if the main process cannot find it by its name."""
    try:
        pickle.dumps(category)
    except (pickle.PicklingError, AttributeError):
        return UserWarning
    return category


def _unpacked(content: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """Return the arguments of `pytest_warning_recorded` from a worker's message."""
    message, where = content
    return {"warning_message": warnings.WarningMessage(**message), **where}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--workers`."""
    parser.addoption(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="run files in N forked processes",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin if the run shall have workers."""
    if config.option.workers and not config.option.usepdb:
        config.pluginmanager.register(Workers(config, config.option.workers))
