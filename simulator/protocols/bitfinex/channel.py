"""One subscription of a client: a numbered channel of one book."""

from __future__ import annotations

from typing import Protocol

from simulator.faults.kinds import OfUpdate


class ChannelSender(Protocol):
    """The session of a channel."""

    @property
    def wants_checksums(self) -> bool:
        """Whether the client has asked for checksums."""

    def send_message(self, head: str, fault: OfUpdate | None = None) -> None:
        """Send a message with its number and time, or do with it what the fault says."""


class BookChannel:
    """One channel.

    Args:
        session: The session, which numbers all messages of the connection.
        number: The `chanId`.
        symbol: The pair as BASE/QUOTE.
        length: The number of levels of the window.
        key: What must be different in all channels of the connection.

    Attributes:
        seconds_quiet: The seconds since the last message.

    """

    def __init__(
        self,
        session: ChannelSender,
        number: int,
        symbol: str,
        length: int,
        key: tuple[str, ...],
    ) -> None:
        self.number = number
        self.symbol = symbol
        self.length = length
        self.key = key
        self.seconds_quiet = 0
        self._session = session

    def send_snapshot(self, levels: list[str]) -> None:
        """Send all levels of a window."""
        self._send(f"[{','.join(levels)}]")

    def send_level(self, text: str, fault: OfUpdate | None = None) -> None:
        """Send a changed level, or do with it what the fault says."""
        self._send(text, fault)

    def send_checksum(self, checksum: int) -> None:
        """Send the checksum of the window to a client that has asked for it."""
        if self._session.wants_checksums:
            self._send(f'"cs",{checksum}')

    def send_heartbeat(self) -> None:
        """Send what shows that the channel is alive."""
        self._send('"hb"')

    def _send(self, content: str, fault: OfUpdate | None = None) -> None:
        self.seconds_quiet = 0
        self._session.send_message(f"{self.number},{content}", fault)
