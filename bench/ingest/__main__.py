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

import sys

from bench.command import command_line, run
from bench.ingest.comparison import SYMBOLS, measure

if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--symbols", type=int, nargs="+", default=SYMBOLS)
    sys.exit(run(measure, parser))
