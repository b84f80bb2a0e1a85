"""The simulator of most tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.simulator.stage import Stage, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as made:
        yield made
