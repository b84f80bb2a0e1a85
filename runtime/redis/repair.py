"""The command that repairs a key of Redis, for a person to run in a shell."""

from __future__ import annotations

import shlex

from runtime.printable import printable


def repair_command(*words: str) -> str:
    """Return the redis-cli command line of a command of Redis, all of it printable."""
    return " ".join(["redis-cli", *map(_shell_word, words)])


def _shell_word(word: str) -> str:
    """Quote `word` for a shell such as bash, which makes bytes of escapes within $'...'."""
    shown = printable(word)
    if "\\" not in shown:
        return shlex.quote(shown)
    return "$'" + shown.replace("'", "\\'") + "'"
