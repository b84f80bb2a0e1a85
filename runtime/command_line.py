"""Command lines of programs: `--help` explains them, and an unknown argument ends them.

A service takes its settings from the environment, so its command line has nothing but `--help`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from runtime.printable import printable

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from runtime.settings import EnvironmentSettings


class OneLineParser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong, and exits with 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong."""
        self.exit(2, printable(f"{self.prog}: {message}; --help explains it") + "\n")


def refuse_arguments(
    module: str,
    what: str,
    settings: type[EnvironmentSettings] | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Return if there are no arguments, as is right for a program that takes none.

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
    fields = settings.model_fields
    return "\n".join(
        [
            "environment variables, also taken from .env:",
            *(line for name in fields for line in _variable(name, fields[name])),
        ]
    )


def _variable(name: str, field: FieldInfo) -> list[str]:
    default = "unset" if field.default is None else field.default
    return [f"  {name.upper()} ({default})", f"      {field.description or ''}".rstrip()]
