"""A service as `python -m` runs it, with a watch in its loop; the suite `stalls` starts it.

    WATCHED=api WATCHED_FILE=stalls.json python -m bench.load.watched_service

The stalls are in the file when the service has stopped.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path

import msgspec

from bench.load.loop_watch import LoopWatch


def main(service: str, file: Path) -> None:
    """Run `collector` or `api`, then write its stalls to the file."""
    watch = LoopWatch()
    module = importlib.import_module(f"{service}.program")
    module.run = _watched(module.run, watch)  # type: ignore[attr-defined]
    try:
        module.main()
    finally:
        file.write_bytes(msgspec.json.encode(watch.stalls))


def _watched(
    run: Callable[..., Awaitable[None]], watch: LoopWatch
) -> Callable[..., Awaitable[None]]:
    @wraps(run)
    async def run_watched(*arguments: object) -> None:
        watch.start()
        await run(*arguments)

    return run_watched


if __name__ == "__main__":
    main(os.environ["WATCHED"], Path(os.environ["WATCHED_FILE"]))
