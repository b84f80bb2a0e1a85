"""Fixtures that start launchers and end them, and that isolate tests from settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from lab.process_table import descendants
from launcher.settings import LauncherSettings
from tests.launcher.launched import Launched, write_stand_ins

Launch = Callable[..., Launched]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove all settings from the environment, and run in a folder without `.env`."""
    for settings in (LauncherSettings, CollectorSettings, ApiSettings):
        for field in settings.model_fields:
            monkeypatch.delenv(field.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def launch(tmp_path_factory: pytest.TempPathFactory, child_processes: None) -> Iterator[Launch]:
    """A function that starts a launcher with the given variables; all are killed at the end."""
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
