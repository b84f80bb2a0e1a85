"""The program `kraken-book`, which is also `python -m kraken_book`: choose and run a subcommand."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from kraken_book import __version__
from kraken_book.commands import COMMANDS, DEFAULT_COMMAND
from kraken_book.errors import MissingExtra
from kraken_book.extras import require_extra

__all__ = ["main", "run_command"]

PROGRAM = "kraken-book"
INTERRUPTED = 128 + signal.SIGINT
USAGE_ERROR = 2
EXIT_CODES = """\
exit codes of all commands:
  0   success
  1   nothing answered, or the output cannot be written
  2   an argument or a setting is invalid, or a package is not installed
  130 interrupted by SIGINT (Ctrl-C)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subcommand that the arguments name, or `watch` if they name none.

    Args:
        arguments: The arguments; those of the process if None.

    Returns:
        The exit code.

    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in {"-h", "--help", "--version"}:
        _top_level_parser().parse_args(given[:1])
    name = given.pop(0) if given and given[0] in COMMANDS else DEFAULT_COMMAND
    return run_command(name, given)


def run_command(name: str, arguments: Sequence[str]) -> int:
    """Run a subcommand.

    Ctrl-C ends it quietly, also while its modules load. A missing extra is one line on stderr.

    Args:
        name: A key of `COMMANDS`.
        arguments: The arguments after the name.

    Returns:
        The exit code.

    """
    if "--version" in arguments:
        _top_level_parser().parse_args(["--version"])
    command = COMMANDS[name]
    try:
        if command.extra is not None:
            require_extra(f"{PROGRAM} {name}", command.extra)
        code: int = import_module(command.module).run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except MissingExtra as error:
        _print_error(str(error))
        return USAGE_ERROR
    return code


def _top_level_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        PROGRAM,
        usage=f"{PROGRAM} [COMMAND] [ARGUMENT ...]",
        description="Follow live order books and verify each of their changes.\n\n"
        + "\n".join(["commands:", *lines])
        + f"\n\nWithout a command it is `{DEFAULT_COMMAND}`: {PROGRAM} BTC/USD",
        epilog=f"{PROGRAM} COMMAND --help explains a command, its environment variables and its"
        f" exit codes.\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return parser


def _print_error(message: str) -> None:
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"{message}\n")
