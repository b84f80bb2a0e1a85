"""Stages of services, and the logs of their services if a test fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from lab.fork_server import ForkServer
from lab.stage import OPEN_STAGES, Stage

LOG_TAIL = 3000


@pytest.fixture(autouse=True)
def _starts_processes(child_processes: None) -> None:
    """Permit every end-to-end test to start processes."""


@pytest.fixture
def stage(
    tmp_path: Path, fork_server: ForkServer, request: pytest.FixtureRequest
) -> Iterator[Stage]:
    """Return the stage of one test; the marker `python_m` makes its services real `python -m`."""
    is_real = request.node.get_closest_marker("python_m") is not None
    with Stage(tmp_path, None if is_real else fork_server) as opened:
        yield opened


@pytest.fixture(scope="module")
def module_stage(
    tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer
) -> Iterator[Stage]:
    """Return a stage that the tests of a module share; its services are forked."""
    with Stage(tmp_path_factory.mktemp("stage"), fork_server) as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of each service's log to the report of a failed test."""
    report = yield
    if report.failed:
        for stage in OPEN_STAGES:
            for service in stage.services:
                title = f"log of {service.name} (pid {service.process.pid})"
                report.sections.append((title, service.log[-LOG_TAIL:]))
    return report
