"""A test may start a process only if it is marked as one that does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

IDLE = [sys.executable, "-c", ""]


def start_by_asyncio() -> None:
    async def start() -> None:
        await asyncio.create_subprocess_exec(*IDLE)

    asyncio.run(start())


@pytest.mark.parametrize(
    "start",
    [
        lambda: subprocess.run(IDLE, check=True),
        os.fork,
        lambda: os.system("true"),
        start_by_asyncio,
    ],
)
def test_start_of_a_process_fails_with_the_name_of_the_test(
    request: pytest.FixtureRequest, start: Callable[[], object]
) -> None:
    with pytest.raises(RuntimeError) as failed:
        start()
    assert str(failed.value).startswith(f"{request.node.nodeid} starts a process (")


@pytest.mark.process
def test_marked_test_starts_a_process() -> None:
    subprocess.run(IDLE, check=True)


def test_fixture_permits_to_start_a_process(child_processes: None) -> None:
    subprocess.run(IDLE, check=True)
