"""Apply faults to the connections or to a market, list the active ones, and lift them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from simulator.faults import kinds
from simulator.faults.kinds import AnyFault, FaultError
from simulator.market.exchange import Exchange
from simulator.protocol.feed import SimulatedFeed
from simulator.protocol.wire import pack, pack_binary
from simulator.server import Simulator

_NO_JSON = "this is not JSON: {"
_UNKNOWN_CHANNEL = '{"channel":"gossip","type":"update","data":[]}'
_PADDED = '{"channel":"padding","type":"update","data":"%s"}'


@dataclass(frozen=True)
class PresentFault:
    """A fault that is active, or waits for a market's next updates or subscriptions."""

    fault: AnyFault
    left: float | None = None
    """The seconds until it ends; None if it has no time limit."""


class FaultInjector:
    """The entry for all faults, whether of connections or of markets.

    Args:
        simulator: The server, for faults of connections.
        feed: The server's feed; faults of markets require an `Exchange`.

    """

    def __init__(self, simulator: Simulator, feed: SimulatedFeed) -> None:
        self._simulator = simulator
        self._exchange = feed if isinstance(feed, Exchange) else None

    @property
    def exchange(self) -> Exchange:
        """The synthetic markets; FaultError if a recording is replayed."""
        if self._exchange is None:
            raise FaultError(
                "a recording is replayed: /books and faults of a symbol require the synthetic"
                " markets, so start without --replay"
            )
        return self._exchange

    def inject(self, fault: AnyFault) -> None:
        """Apply a fault; FaultError if the feed or the symbol does not allow it."""
        simulator = self._simulator
        match fault:
            case kinds.Close(code=code):
                simulator.close_all(code)
            case kinds.Drop():
                simulator.abort_all()
            case kinds.Garbage(kind=kind):
                simulator.push_all(_garbage(kind))
            case kinds.Big(size=size):
                simulator.push_all(pack(_PADDED % ("x" * (size - len(_PADDED % "")))))
            case kinds.Status(system=system):
                simulator.set_system(system)
            case (
                kinds.Mute(symbol=None)
                | kinds.AcceptAndClose()
                | kinds.RefuseConnections()
                | kinds.AnswerLate()
                | kinds.AnswerNever()
                | kinds.RateLimit()
                | kinds.LateFrames()
            ):
                simulator.active_faults.begin(fault)
            case _:
                changed = self.exchange.inject(fault)
                if changed is not None:
                    simulator.send_instrument(changed)

    def present(self) -> list[PresentFault]:
        """Return the faults that are active or wait."""
        active = self._simulator.active_faults
        lasting = active.remaining()
        waiting: list[AnyFault] = []
        if active.system != "online":
            waiting.append(kinds.Status(active.system))
        if self._exchange is not None:
            lasting += self._exchange.active_faults.remaining()
            waiting += self._exchange.pending()
        return [PresentFault(fault, round(left, 3)) for fault, left in lasting] + [
            PresentFault(fault) for fault in waiting
        ]

    def lift(self) -> list[PresentFault]:
        """Remove and return all faults that are active or wait."""
        lifted = self.present()
        self._simulator.active_faults.clear()
        if self._simulator.active_faults.system != "online":
            self._simulator.set_system("online")
        if self._exchange is not None:
            self._exchange.clear_faults()
        return lifted


def _garbage(kind: str) -> bytes:
    match kind:
        case "text":
            return pack(_NO_JSON)
        case "binary":
            return pack_binary(secrets.token_bytes(64))
        case _:
            return pack(_UNKNOWN_CHANNEL)
