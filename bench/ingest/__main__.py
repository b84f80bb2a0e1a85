"""Ingest, in updates a second, beside a peer and beside the limit.

    python -m bench.ingest

The collector as its users start it, on one core; Redis, and a feed that sends updates made before
as fast as TCP takes them, on the other. Each update's seq must be in its stream afterwards, and
each last book be the feed's. Beside it, in turns: cryptofeed's Kraken feed, checksums on, into its
own Redis stream backend (the first third of the same updates, in its protocol), and the limit: the
same write script of Redis, fed from a bare loop with calls made before, of the same events, 20 a
call or as many as the collector's own. Every figure is the median of its rounds, and a ratio that
of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import sys

from bench.ingest.comparison import SYMBOLS, TIMES, measure, table
from bench.ingest.peer import is_installed
from bench.ingest.run import MeasureFailed


def main() -> int:
    """Measure and print; returns 1 where an update is missing, or with --strict a goal missed."""
    parser = argparse.ArgumentParser(
        description="Ingest beside cryptofeed and beside Redis's own limit.",
        epilog="cryptofeed is run from .venv-peers, which `make peers` makes. Other benchmarks run"
        " Debian's libnginx-mod-nchan, nginx-light and redis-tools (for redis-benchmark).",
    )
    parser.add_argument("--symbols", type=int, nargs="+", default=SYMBOLS)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the load, as 0.1")
    parser.add_argument("--times", type=int, default=TIMES, help="rounds, of which the median")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a goal is missed")
    options = parser.parse_args()
    if not is_installed():
        print("cryptofeed is not installed: `make peers` does that. Going on without.")
    try:
        found = measure(options.scale, _say, options.symbols, options.times)
    except MeasureFailed as failed:
        print(f"WRONG: {failed}")
        return 1
    for line in table(found):
        print(line)
    missed = [line for each in found for line in each.missed]
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed and options.strict else 0


def _say(what: str, share: float) -> None:
    print(f"{share:4.0%} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
