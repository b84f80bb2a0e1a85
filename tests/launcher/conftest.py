"""A launcher to start, and the promise that no test leaves one behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from lab.process_table import descendants
from tests.launcher.launched import Launched, write_stand_ins

Launch = Callable[..., Launched]


@pytest.fixture
def launch(tmp_path_factory: pytest.TempPathFactory, child_processes: None) -> Iterator[Launch]:
    """Starts launchers with given variables."""
    started: list[Launched] = []

    def start(
        output: int | None = None, arguments: Sequence[str] = (), **variables: str
    ) -> Launched:
        folder: Path = tmp_path_factory.mktemp("run")
        write_stand_ins(folder)
        started.append(Launched(folder, output, arguments, **variables))
        return started[-1]

    yield start
    for launched in started:
        for pid in (*descendants(launched.process.pid), launched.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        launched.process.wait()
