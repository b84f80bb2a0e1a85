"""Command lines: `--help` explains a program, and an unknown argument ends it.

A service takes its settings from the environment, so its command line has nothing but `--help`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from runtime.printable import printable

if TYPE_CHECKING:
    from runtime.settings import EnvironmentSettings


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong in one line, and exit with 2."""
        self.exit(2, printable(f"{self.prog}: {message}; --help explains it") + "\n")


def refuse_arguments(
    module: str,
    what: str,
    settings: type[EnvironmentSettings] | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Answer `--help`, and end a program that takes no arguments if it is given any.

    Args:
        module: What `python -m` is given.
        what: What the program does, for `--help`.
        settings: The settings that it reads, for `--help`.
        arguments: The arguments; those of the process if None.

    Raises:
        SystemExit: With 0 after `--help`, with 2 after one line about any other argument.

    """
    parser = OneLineParser(
        f"python -m {module}",
        description=what,
        epilog=_variables(settings) if settings else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.parse_args(arguments)


def _variables(settings: type[EnvironmentSettings]) -> str:
    # Here, because programs without settings have a command line too.
    from runtime.settings import describe_fields  # noqa: PLC0415

    lines = ["environment variables, also taken from .env:"]
    for name, description in describe_fields(settings).items():
        default = settings.model_fields[name].default
        lines += [f"  {name.upper()} ({_shown(default)})", f"      {description}".rstrip()]
    return "\n".join(lines)


def _shown(default: object) -> str:
    return "unset" if default is None else str(default)
