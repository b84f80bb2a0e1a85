"""Run the terminal program in tmux: send keys and read the screen."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from lab.process import ROOT
from lab.waiting import wait_until

TMUX = shutil.which("tmux")


class Tmux:
    """A tmux session in which a shell runs the terminal program and prints its exit code."""

    def __init__(
        self, folder: Path, url: str, *arguments: str, size: tuple[int, int] = (80, 24)
    ) -> None:
        self._socket = folder / "tmux"
        # The colours must depend on tmux alone, not on the environment of the tests.
        environment = f"env -u COLORTERM -u NO_COLOR PYTHONPATH={ROOT} KRAKEN_BOOK_URL={url}"
        command = f"{environment} {sys.executable} -m kraken_book.terminal {shlex.join(arguments)}"
        script = f"{command}; echo ended with $?; stty -a; exec sleep 600"
        width, height = map(str, size)
        self._ask("-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height, script)

    def press(self, *keys: str) -> None:
        """Press keys, named as tmux names them."""
        self._ask("send-keys", *keys)

    @property
    def screen(self) -> str:
        """The text on the screen."""
        return self._ask("capture-pane", "-p")

    def read_variable(self, variable: str) -> str:
        """Return the value of a tmux variable."""
        return self._ask("display-message", "-p", f"#{{{variable}}}").strip()

    def until_says(self, *words: str) -> None:
        """Wait until all these words are on the screen."""
        wait_until(lambda: all(word in self.screen for word in words), f"{words}\n{self.screen}")

    def until_silent(self, word: str) -> None:
        """Wait until a word is not on the screen."""
        wait_until(lambda: word not in self.screen, f"no {word!r}\n{self.screen}")

    def close(self) -> None:
        """End tmux and every process in it."""
        self._ask("kill-server")

    def _ask(self, *arguments: str) -> str:
        assert TMUX is not None
        command = [TMUX, "-S", str(self._socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
