"""Command lines of services: `--help` and `--version`, and nothing else.

A service reads its settings from the environment, so any other argument is an error.
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
    """An argument parser with `--version` and errors of one line."""

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
        """Print the error in one line and exit with 2."""
        self.exit(2, printable(f"{self.prog}: {message}; see --help") + "\n")


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
    description: str,
    settings: type[EnvironmentSettings] | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Exit if there is any argument: 0 after `--help` or `--version`, else 2 and one line.

    Args:
        module: The program's name for `python -m`.
        description: The program's purpose, for `--help`.
        settings: The program's settings, for `--help`.
        arguments: The arguments; None means those of this process.
    """
    parser = OneLineParser(
        f"python -m {module}",
        description=description,
        epilog=_variables(settings) if settings else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.parse_args(arguments)


def _variables(settings: type[EnvironmentSettings]) -> str:
    # Imported here because programs without settings do not need pydantic.
    from runtime.settings import describe_fields  # noqa: PLC0415

    lines = ["environment variables, also taken from .env:"]
    for name, description in describe_fields(settings).items():
        default = settings.model_fields[name].default
        lines += [f"  {name.upper()} ({_shown(default)})", f"      {description}".rstrip()]
    return "\n".join(lines)


def _shown(default: object) -> str:
    return "unset" if default is None else str(default)
