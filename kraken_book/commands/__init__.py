"""The subcommands of `kraken-book`.

A subcommand is an entry of `COMMANDS` and a module with a function
`run(arguments: Sequence[str]) -> int` that returns the exit code. The module is imported only if
the subcommand is chosen, so `--help` and `--version` load nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A subcommand of `kraken-book`.

    Args:
        help: One line for `kraken-book --help`.
        module: The module whose `run` executes it.
        extra: The extra that it needs, a key of `kraken_book.extras.EXTRAS`; None if it needs none.
    """

    help: str
    module: str
    extra: str | None = None


DEFAULT_COMMAND = "watch"

COMMANDS = {
    "watch": Command(
        "print a line whenever a best bid or ask moves; --json prints every event",
        "kraken_book.commands.watch",
    ),
    "tui": Command(
        "show live ladders in this terminal", "kraken_book.terminal.program", extra="terminal"
    ),
    "record": Command(
        "record books into Parquet files that can be proved again",
        "kraken_book.commands.record",
        extra="recording",
    ),
    "replay": Command(
        "write a recording into Redis, so that an api serves it like live books",
        "kraken_book.commands.replay",
        extra="recording",
    ),
    "verify": Command(
        "prove recordings again, event by event", "kraken_book.commands.verify", extra="recording"
    ),
    "report": Command(
        "list what recordings have, and what is missing and why",
        "kraken_book.commands.report",
        extra="recording",
    ),
    "export": Command(
        "write recordings as CSV of Tardis, npz of hftbacktest, NDJSON or CSV",
        "kraken_book.commands.export",
        extra="recording",
    ),
    "check": Command("check the feed of a venue for a minute", "kraken_book.commands.check"),
    "keys": Command("add, list and revoke the keys of an api", "kraken_book.commands.keys"),
}
