"""A listed market of Bitfinex; its windows are compared before and after each move."""

from __future__ import annotations

from typing import Protocol

from simulator.faults.kinds import CorruptChecksum, Crossed, ExtraDecimal, OfUpdate, Reorder
from simulator.market.listing import Listing
from simulator.market.market import Market
from simulator.protocols.bitfinex.rounded_book import RoundedBook, RoundedLevel

_MOVES_A_CHECKSUM = 4
"""The number of moves that change a window after which its checksum is sent."""


class BookFollower(Protocol):
    """The receiver of the changes of one window."""

    def send_snapshot(self, levels: list[str]) -> None:
        """Send all levels of a window."""

    def send_level(self, text: str, fault: OfUpdate | None = None) -> None:
        """Send a changed level, or do with it what the fault says."""

    def send_checksum(self, checksum: int) -> None:
        """Send the checksum of the window."""


class BitfinexMarket(Listing[BookFollower]):
    """One listed market; a follower's depth is the length of its window."""

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self.moves = 0
        self._windows: dict[int, RoundedBook] = {}
        """The windows as followers have them, by length."""
        self._unproved: dict[int, int] = {}
        """The moves since the last checksum of each window."""
        self._is_reordering = False

    def send_first(
        self, depth: int, subscriber: BookFollower, *, snapshot: bool, early: bool
    ) -> None:
        """Send the window, after an update that repeats its best bid."""
        del snapshot  # it always comes
        window = self._windows.get(depth)
        if window is None:
            window = self._windows[depth] = RoundedBook.of(self.market, depth)
        texts = [level.text(self.instrument) for level in window.levels()]
        for text in texts[:1] if early else ():
            subscriber.send_level(text)
        subscriber.send_snapshot(texts)

    def unfollow(self, depth: int, subscriber: BookFollower) -> None:
        """Stop sending updates to the subscriber."""
        super().unfollow(depth, subscriber)
        if depth not in self._followers:
            self._windows.pop(depth, None)
            self._unproved.pop(depth, None)

    def move(self, *, muted: bool = False) -> None:
        """Make one update, and send the changes of each window, unless `muted`."""
        self.market.move()
        self.moves += 1
        fault: OfUpdate | None = None
        for depth in list(self._followers):
            before = self._windows[depth]
            window = self._windows[depth] = before.after_move(self.market, depth)
            changes = list(before.changes_to(window))
            if changes and not muted:
                # All windows have the same fault.
                fault = fault or self._next_fault(window)
                self._send(depth, changes, fault)

    def update_count(self, depth: int) -> int:  # noqa: ARG002 - the same at each
        """Return the updates since the start."""
        return self.moves

    def prove(self) -> None:
        """Send the checksum of each window that has changed since its last one."""
        for depth in list(self._unproved):
            self._send_checksum(depth)

    def replace(self, market: Market) -> None:
        """Switch to another market; followers get all levels of their windows anew."""
        instrument = self.instrument
        super().replace(market)
        for depth, before in list(self._windows.items()):
            deleted = before.changes_to(RoundedBook({}, {}))
            texts = [level.text(instrument) for level in deleted]
            self._windows[depth] = RoundedBook.of(market, depth)
            texts += [level.text(self.instrument) for level in self._windows[depth].levels()]
            for follower in self._followers.get(depth, ()):
                for text in texts:
                    follower.send_level(text)

    def _next_fault(self, window: RoundedBook) -> OfUpdate | None:
        # The second update of a reordering must be valid.
        if self._is_reordering:
            self._is_reordering = False
            return None
        if isinstance(self.update_faults.peek(), Crossed) and not window.asks:
            return None
        fault = self.update_faults.pop()
        self._is_reordering = isinstance(fault, Reorder)
        return fault

    def _send(self, depth: int, changes: list[RoundedLevel], fault: OfUpdate | None) -> None:
        texts = [level.text(self.instrument) for level in changes]
        if isinstance(fault, Crossed):
            best = next(iter(self._windows[depth].asks))
            texts.append(RoundedLevel(best, 1, self.market.profile.lots).text(self.instrument))
        elif isinstance(fault, ExtraDecimal):
            texts[-1] = _with_extra_digits(texts[-1])
        for follower in self._followers[depth]:
            for text in texts[:-1]:
                # Only the last message is held, so that the next update overtakes it.
                follower.send_level(text, None if isinstance(fault, Reorder) else fault)
            follower.send_level(texts[-1], fault)
        self._unproved[depth] = self._unproved.get(depth, 0) + 1
        if isinstance(fault, CorruptChecksum):
            self._send_checksum(depth, wrong=True)
        elif self._unproved[depth] >= _MOVES_A_CHECKSUM:
            self._send_checksum(depth)

    def _send_checksum(self, depth: int, *, wrong: bool = False) -> None:
        self._unproved.pop(depth, None)
        checksum = self._windows[depth].checksum(self.instrument) ^ wrong
        for follower in self._followers[depth]:
            follower.send_checksum(checksum)


def _with_extra_digits(text: str) -> str:
    """Return a level whose price has more than five significant digits."""
    price, rest = text.removeprefix("[").split(",", 1)
    mantissa, exponent_mark, exponent = price.partition("e")
    mantissa += "000005" if "." in mantissa else ".000005"
    return f"[{mantissa}{exponent_mark}{exponent},{rest}"
