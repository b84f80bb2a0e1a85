"""Command lines: `--help` with settings and exit codes, `--version`, and errors of one line.

A service reads its settings from the environment, so any other argument of it is an error.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from runtime.printable import printable

if TYPE_CHECKING:
    from runtime.settings import EnvironmentSettings


WIDTH = 100
INDENT = 6
FROM_ENV_FILE = "environment variables, also taken from .env"

ExitCodes = Mapping[int, str]
"""The exit codes of a program, each with its condition."""
ENDED_OR_FAILED: ExitCodes = {
    0: "it has ended, as its parent process wished",
    1: "it has failed; a traceback shows why",
    2: "an argument is invalid",
}
"""The exit codes of a process that another program starts for itself."""
STOPPED_OR_FAILED: ExitCodes = {
    0: "stopped by SIGINT (Ctrl-C), SIGTERM or SIGHUP",
    1: "it cannot listen on its port, or a part of it has failed",
    2: "a setting or an argument is invalid, or a package is not installed",
}
"""The exit codes of a service."""


class OneLineParser(argparse.ArgumentParser):
    """An argument parser with `--version`, errors of one line, and a help that is complete.

    Args:
        program: The program's name, such as `python -m api`.
        description: The program's purpose; line ends stay as they are.
        exit_codes: The exit codes.
        variables: The environment variables that the program reads, each with a line of help.
        where: Where the variables are read from.
    """

    def __init__(
        self,
        program: str,
        description: str,
        exit_codes: ExitCodes,
        variables: Mapping[str, str] | None = None,
        where: str = "environment variables",
    ) -> None:
        blocks = [_block(where, variables)] if variables else []
        blocks.append(_block("exit codes", {str(code): text for code, text in exit_codes.items()}))
        super().__init__(
            program,
            description=description,
            epilog="\n\n".join(blocks),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
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
    *,
    exit_codes: ExitCodes = STOPPED_OR_FAILED,
    other_variables: Mapping[str, str] | None = None,
) -> None:
    """Exit if there is any argument: 0 after `--help` or `--version`, else 2 and one line.

    Args:
        module: The program's name for `python -m`.
        description: The program's purpose, for `--help`.
        settings: The program's settings, for `--help`.
        arguments: The arguments; None means those of this process.
        exit_codes: The program's exit codes, for `--help`.
        other_variables: Variables that libraries read, each with a line of help.
    """
    variables = describe_variables(settings) if settings else {}
    parser = OneLineParser(
        f"python -m {module}",
        description,
        exit_codes,
        variables | dict(other_variables or {}),
        FROM_ENV_FILE,
    )
    parser.parse_args(arguments)


def describe_variables(settings: type[EnvironmentSettings]) -> dict[str, str]:
    """Return the variables of a class of settings, with their defaults, and a line about each."""
    # Imported here because programs without settings do not need pydantic.
    from runtime.settings import describe_fields  # noqa: PLC0415

    return {
        f"{name.upper()} ({_shown(settings.model_fields[name].default)})": text
        for name, text in describe_fields(settings).items()
    }


def _shown(default: object) -> str:
    text = "" if default is None else str(default)
    return text or "unset"


def _block(title: str, entries: Mapping[str, str]) -> str:
    return "\n".join([f"{title}:", *(line for each in entries.items() for line in _entry(*each))])


def _entry(name: str, text: str) -> Iterator[str]:
    """Yield the lines of an entry: short names and their texts share a line."""
    if len(name) < INDENT - 2:
        first = f"  {name:{INDENT - 2}}"
    else:
        yield f"  {name}"
        first = " " * INDENT
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * INDENT,
        break_on_hyphens=False,
    )
