"""Command lines: `--help` and `--version` of every program, and one line for a wrong argument.

A service takes its settings from the environment, so its command line has nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from runtime.printable import printable

if TYPE_CHECKING:
    from runtime.settings import EnvironmentSettings


class OneLineParser(argparse.ArgumentParser):
    """An argument parser with `--version`, whose errors are one line."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.add_argument(
            "--version",
            action=_PrintVersion,
            nargs=0,
            dest=argparse.SUPPRESS,
            default=argparse.SUPPRESS,
            help="print the version",
        )

    def error(self, message: str) -> NoReturn:
        """Print what is wrong in one line, and exit with 2."""
        self.exit(2, printable(f"{self.prog}: {message}; --help explains it") + "\n")


class _PrintVersion(argparse.Action):
    """Print the version and exit with 0."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        # Imported here, because the simulator shares no code with the library.
        from kraken_book import __version__  # noqa: PLC0415

        if sys.stdout is not None:
            sys.stdout.write(f"kraken-book {__version__}\n")
        parser.exit()


def refuse_arguments(
    module: str,
    what: str,
    settings: type[EnvironmentSettings] | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Answer `--help` and `--version`; end a program that is given any other argument.

    The exit code is 0 after `--help` and `--version`, and 2 after one line about another argument.

    Args:
        module: What `python -m` is given.
        what: What the program does, for `--help`.
        settings: The settings that it reads, for `--help`.
        arguments: The arguments; those of the process if None.

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
