"""The process that `lab.sse.counting` starts for its readers.

It shares no code with the product, except for its command line.
"""

from __future__ import annotations

import select
import socket
from multiprocessing.connection import Connection

from lab.sse.counting import ANSWER_TIMEOUT, ReaderCounts, StreamAddress
from runtime.command_line import ENDED_OR_FAILED, OneLineParser

_MAX_BYTES = 256 * 1024
_KINDS = (b'"kind":"update"', b'"kind":"snapshot"', b'"kind":"lagged"')
_CARRIED = max(map(len, _KINDS)) - 1


class _Reader:
    __slots__ = ("bytes", "carried", "counts", "socket")

    def __init__(self, address: StreamAddress) -> None:
        self.socket = socket.create_connection(("127.0.0.1", address.port), ANSWER_TIMEOUT)
        request = f"GET {address.path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.socket.sendall(request.encode())
        assert self.socket.recv(12).endswith(b" 200"), "the server refuses"
        self.socket.setblocking(False)
        self.carried = b""
        self.counts = [0] * len(_KINDS)
        self.bytes = 0

    def take(self) -> bool:
        """Read and count available bytes; return False at the end of the stream."""
        data = self.socket.recv(_MAX_BYTES)
        self.bytes += len(data)
        searched = self.carried + data
        for number, kind in enumerate(_KINDS):
            # A short kind may lie completely in the carried bytes: it was counted before.
            carried = self.carried[-(len(kind) - 1) :]
            self.counts[number] += searched.count(kind, len(self.carried) - len(carried))
        self.carried = searched[-_CARRIED:]
        return bool(data)

    def reader_counts(self) -> ReaderCounts:
        """Return the counts since the start."""
        updates, snapshots, lagged = self.counts
        return ReaderCounts(updates, snapshots, lagged, self.bytes)


def _run(end: Connection) -> None:
    readers = [_Reader(address) for address in end.recv()]
    by_fileno = {reader.socket.fileno(): reader for reader in readers}
    poll = select.epoll()
    for fileno in (*by_fileno, end.fileno()):
        poll.register(fileno, select.EPOLLIN)
    end.send([])
    while True:
        for fileno, _ in poll.poll():
            if fileno == end.fileno():
                end.recv()
                end.send([reader.reader_counts() for reader in readers])
            elif not by_fileno[fileno].take():
                poll.unregister(fileno)


def main() -> None:
    """Run the readers until the other end is closed."""
    parser = OneLineParser(
        "python -m lab.sse.counting_process",
        "Reads streams and counts their events, for the program that starts it.",
        ENDED_OR_FAILED,
    )
    parser.add_argument("descriptor", type=int, help="that of the connection to that program")
    with Connection(parser.parse_args().descriptor) as end:
        try:
            _run(end)
        except (EOFError, ConnectionResetError):
            return


if __name__ == "__main__":
    main()
