"""Run these tests on uvloop, the event loop of the services, and isolate some from settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from runtime.settings import ServiceSettings


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the settings of services from the environment, and run in a folder without `.env`."""
    monkeypatch.chdir(tmp_path)
    for field in ServiceSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
