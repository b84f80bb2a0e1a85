"""The terminal program in tmux, with real services: ladders, keys, a killed api, a clean end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.stage import Stage
from lab.tmux import TMUX, Tmux
from lab.waiting import wait_until

pytestmark = pytest.mark.skipif(TMUX is None, reason="no tmux on the PATH")

SYMBOLS = "BTC/USD,ETH/USD,SOL/USD"


@pytest.fixture
def run(stage: Stage, tmp_path: Path) -> Iterator[tuple[Stage, Tmux]]:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOLS)
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOLS)
    api = stage.api(redis.url)
    api.wait_until_live(*SYMBOLS.split(","))
    tmux = Tmux(tmp_path, api.url)
    yield stage, tmux
    tmux.close()


def test_terminal_session_in_80x24(run: tuple[Stage, Tmux]) -> None:
    stage, tmux = run
    api = stage.services[-1]
    tmux.until_says("┏━ 1 BTC/USD", "2 ETH/USD", "● live", "SIMULATED", "verified")
    assert tmux.read_variable("alternate_on") == "1"
    lines = tmux.screen.splitlines()
    assert sum(bool(re.match(r"┃ 6\d{4}\.\d  \d", line)) for line in lines) == 20
    first = _seq(tmux)
    wait_until(lambda: _seq(tmux) > first, "the ladder moves")

    tmux.press("3")
    tmux.until_says("3 SOL/USD")
    tmux.press("o")
    tmux.until_says("best bid", "▸ 3 SOL/USD")
    tmux.press("Escape")
    tmux.until_silent("▸")
    tmux.press("?")
    tmux.until_says("━ help ━")
    tmux.press("Escape")
    tmux.until_silent("━ help ━")
    tmux.press("1")
    tmux.until_says("┏━ 1 BTC/USD")

    api.kill()
    tmux.until_says("; trying again …", "▲ stale", "last known book")
    api.restart()
    tmux.until_silent("trying again")
    tmux.until_silent("stale")
    last = _seq(tmux)
    wait_until(lambda: _seq(tmux) > last, "the ladder moves again")

    tmux.press("q")
    tmux.until_says("ended with 0")
    assert tmux.read_variable("alternate_on") == "0"
    assert tmux.read_variable("cursor_flag") == "1"
    assert "┏" not in tmux.screen
    assert not re.search(r"-(icanon|echo|isig)\b", tmux.screen)


def _seq(tmux: Tmux) -> int:
    """Return the seq of the first ladder, or 0 if there is none."""
    found = re.search(r"┗━ [\d,]+ \w+.* seq (\d+)", tmux.screen)
    return int(found[1]) if found else 0
