"""Render the shell command that repairs a key of Redis."""

from __future__ import annotations

import shlex

from runtime.printable import printable


def repair_command(*words: str) -> str:
    """Return a printable redis-cli command line for a command of Redis."""
    return " ".join(["redis-cli", *map(_shell_word, words)])


def _shell_word(word: str) -> str:
    """Return `word` quoted for a shell such as bash, which decodes escapes within $'...'."""
    shown = printable(word)
    if "\\" not in shown:
        return shlex.quote(shown)
    return "$'" + shown.replace("'", "\\'") + "'"
