"""The terminal in a real one, on real services: ladders, keys, an api that dies, a clean end."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT, Stage, eventually

TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(TMUX is None, reason="no tmux on the PATH")

SYMBOLS = "BTC/USD,ETH/USD,SOL/USD"


class Tmux:
    """A terminal of 80 by 24 in which a shell runs the terminal, and then says how it ended."""

    def __init__(self, folder: Path, url: str) -> None:
        self._socket = folder / "tmux"
        # TERM, the size and the colours are what tmux makes of nothing.
        environment = f"env -u COLORTERM -u NO_COLOR PYTHONPATH={ROOT} KRAKEN_BOOK_URL={url}"
        command = f"{environment} {sys.executable} -m kraken_book.terminal"
        script = f"{command}; echo ended with $?; stty -a; exec sleep 600"
        self._ask("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", script)

    def press(self, *keys: str) -> None:
        """Type keys, by tmux's names."""
        self._ask("send-keys", *keys)

    @property
    def screen(self) -> str:
        """What is on the screen."""
        return self._ask("capture-pane", "-p")

    def tell(self, variable: str) -> str:
        """What tmux knows, by its name for it."""
        return self._ask("display-message", "-p", f"#{{{variable}}}").strip()

    def until_says(self, *words: str) -> None:
        """Return once all these words are on the screen."""
        eventually(lambda: all(word in self.screen for word in words), f"{words}\n{self.screen}")

    def until_silent(self, word: str) -> None:
        """Return once a word is not on the screen."""
        eventually(lambda: word not in self.screen, f"no {word!r}\n{self.screen}")

    def seq(self) -> int:
        """The seq of the first ladder, 0 where there is none."""
        found = re.search(r"┗━ [\d,]+ \w+.* seq (\d+)", self.screen)
        return int(found[1]) if found else 0

    def close(self) -> None:
        """End all that runs in it."""
        self._ask("kill-server")

    def _ask(self, *arguments: str) -> str:
        assert TMUX is not None
        command = [TMUX, "-S", str(self._socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


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


def test_a_session_in_80x24(run: tuple[Stage, Tmux]) -> None:
    stage, tmux = run
    api = stage.services[-1]
    tmux.until_says("┏━ 1 BTC/USD", "2 ETH/USD", "● live", "SIMULATED", "verified")
    assert tmux.tell("alternate_on") == "1"
    lines = tmux.screen.splitlines()
    assert sum(bool(re.match(r"┃ 6\d{4}\.\d  \d", line)) for line in lines) == 20
    first = tmux.seq()
    eventually(lambda: tmux.seq() > first, "the ladder moves")

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
    last = tmux.seq()
    eventually(lambda: tmux.seq() > last, "the ladder moves again")

    tmux.press("q")
    tmux.until_says("ended with 0")
    assert tmux.tell("alternate_on") == "0"
    assert tmux.tell("cursor_flag") == "1"
    assert "┏" not in tmux.screen
    assert not re.search(r"-(icanon|echo|isig)\b", tmux.screen)
