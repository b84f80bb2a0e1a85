"""A scripted api with three markets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lab.scripted_api import ScriptedApi, ScriptedMarket
from tests.kraken_book.terminal.shown import three_markets


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the same terminal type in every environment."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with ScriptedApi() as scripted:
        three_markets(scripted)
        yield scripted


@pytest.fixture
def btc(api: ScriptedApi) -> ScriptedMarket:
    return api.markets["BTC/USD"]
