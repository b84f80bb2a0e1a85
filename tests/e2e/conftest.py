"""Stages of real processes, and their logs where a test fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from lab.stage import OPEN_STAGES, Stage

LOG_TAIL = 3000


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Processes of one test."""
    with Stage(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def module_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Processes that a module's tests share."""
    with Stage(tmp_path_factory.mktemp("stage")) as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the services said where a test fails."""
    report = yield
    if report.failed:
        for stage in OPEN_STAGES:
            for service in stage.services:
                title = f"log of {service.name} (pid {service.process.pid})"
                report.sections.append((title, service.log[-LOG_TAIL:]))
    return report
