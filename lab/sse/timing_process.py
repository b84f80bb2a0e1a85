"""The process that `lab.sse.timing_crowd` starts for a share of its readers.

It shares no code with the product, except for its command line.
"""

from __future__ import annotations

from contextlib import suppress
from multiprocessing.connection import Connection
from time import monotonic

from lab.sse.timing import Publication, TimingReaders
from runtime.command_line import ENDED_OR_FAILED, OneLineParser

POLL_SECONDS = 0.02


def read_streams(fileno: int, port: int, path: str, count: int) -> None:
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


def main() -> None:
    """Run the readers that the command line describes."""
    parser = OneLineParser(
        "python -m lab.sse.timing_process",
        "Reads streams and notes when their events arrive, for the program that starts it.",
        ENDED_OR_FAILED,
    )
    add = parser.add_argument
    add("descriptor", type=int, help="that of the connection to that program")
    add("port", type=int, help="the port of the server on 127.0.0.1")
    add("path", help="the path of the streams")
    add("count", type=int, help="number of readers")
    given = parser.parse_args()
    read_streams(given.descriptor, given.port, given.path, given.count)


if __name__ == "__main__":
    main()
