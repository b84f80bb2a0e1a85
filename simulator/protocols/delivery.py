"""Send a connection's frames, or lose, repeat, reorder or cut them as a fault demands."""

from __future__ import annotations

from simulator.faults.kinds import CutText, OfUpdate, Reorder, Repeat, Swallow
from simulator.market.subscriber import FeedSubscriber
from simulator.wire import pack


class FrameDelivery:
    """The texts on their way to one client; each already has its number.

    Args:
        link: The receiver of packed frames.

    """

    def __init__(self, link: FeedSubscriber) -> None:
        self._link = link
        self._held: str | None = None

    def send(self, text: str, fault: OfUpdate | None = None) -> None:
        """Send a frame, or do with it what the fault says."""
        match fault:
            case Swallow():
                return
            case Reorder() if self._held is None:
                self._held = text
                return
            case Repeat():
                self._link.push(pack(text))
            case CutText():
                text = text[: len(text) // 2]
        self._link.push(pack(text))
        if self._held is not None:
            held, self._held = self._held, None
            self._link.push(pack(held))
