"""Run a service as `python -m` does, with a watch on its loop, for the suite `stalls`.

    WATCHED=api WATCHED_FILE=stalls.json python -m bench.load.watched_service

It writes the stalls to the file when the service has stopped.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import uvloop

from bench.load.loop_watch import LoopWatch
from runtime.command_line import STOPPED_OR_FAILED, OneLineParser

VARIABLES = {
    "WATCHED": "the service: collector or api; its own variables apply too",
    "WATCHED_FILE": "the file for the stalls, as JSON",
}

T = TypeVar("T")


def main(service: str, file: Path) -> None:
    """Run `collector` or `api`, then write its stalls to `file`."""
    watch, run = LoopWatch(), uvloop.run

    async def watched(service: Coroutine[Any, Any, T]) -> T:
        watch.start()
        return await service

    # Both services run their loop with uvloop.run.
    uvloop.run = lambda service: run(watched(service))  # type: ignore[assignment, misc]
    try:
        importlib.import_module(f"{service}.__main__").main()
    finally:
        file.write_bytes(msgspec.json.encode(watch.stalls))


if __name__ == "__main__":
    OneLineParser(
        "python -m bench.load.watched_service",
        "Runs a service, and writes the stalls of its loop to a file when it has stopped.",
        STOPPED_OR_FAILED,
        VARIABLES,
    ).parse_args()
    main(os.environ["WATCHED"], Path(os.environ["WATCHED_FILE"]))
