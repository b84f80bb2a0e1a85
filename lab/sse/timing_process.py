"""The process that `lab.sse.timing_crowd` starts for a share of its readers.

It shares no code with the product.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from time import monotonic

from lab.sse.timing import Publication, TimingReaders

POLL_SECONDS = 0.02


def main(fileno: int, port: int, path: str, count: int) -> None:
    """Run `count` readers until the other end is closed."""
    with (
        Connection(fileno) as end,
        TimingReaders(port, path, count) as readers,
        suppress(EOFError),
    ):
        end.send("joined")
        publication: Publication | None = None
        while publication is None:
            readers.take(POLL_SECONDS)
            publication = end.recv() if end.poll() else None
        last = publication.first + len(publication.published) - 1
        while not readers.have(last) and monotonic() < publication.wait_until:
            readers.take(POLL_SECONDS)
        end.send(readers.received(publication))
        end.recv()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
