"""Apply faults to the connections or to a market, list the active ones, and lift them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import msgspec

from simulator.faults import kinds
from simulator.faults.kinds import AnyFault, FaultError
from simulator.faults.text import UnknownFault, name_of
from simulator.market.exchange import Exchange
from simulator.protocols.venue import SimulatedVenue
from simulator.server import Simulator
from simulator.wire import pack, pack_binary

_NO_JSON = "this is not JSON: {"
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
        protocol: The server's venue; faults of markets require synthetic ones.

    """

    def __init__(self, simulator: Simulator, protocol: SimulatedVenue) -> None:
        self._simulator = simulator
        self.protocol = protocol
        self._exchange: Exchange[Any] | None = protocol.exchange if protocol.has_markets else None

    def inject(self, fault: AnyFault) -> None:
        """Apply a fault; FaultError if the venue, its feed or the symbol does not allow it."""
        fault = self._checked(fault)
        if isinstance(fault, kinds.Mute) and fault.symbol is not None:
            self._inject_into_market(fault)
        elif isinstance(fault, kinds.OfRest | kinds.OfEveryConnection | kinds.OfVenue):
            self._inject_into_connections(fault)
        else:
            self._inject_into_market(fault)

    def _inject_into_connections(
        self, fault: kinds.OfRest | kinds.OfEveryConnection | kinds.OfVenue
    ) -> None:
        simulator = self._simulator
        match fault:
            case kinds.Close(code=code):
                simulator.close_all(code)
            case kinds.Drop():
                simulator.abort_all()
            case kinds.Garbage(kind=kind):
                simulator.push_all(_garbage(kind, self.protocol.json_of_unknown_channel))
            case kinds.Big(size=size):
                simulator.push_all(pack(_PADDED % ("x" * (size - len(_PADDED % "")))))
            case kinds.Status(system=system):
                simulator.set_system(system)
            case _:
                simulator.perform(fault)
                if isinstance(fault, kinds.Lasting):
                    simulator.active_faults.begin(fault)

    def _inject_into_market(self, fault: kinds.OfMarket) -> None:
        changed = self.protocol.exchange.inject(fault)
        if changed is not None:
            self._simulator.send_instrument(changed)

    def _checked(self, fault: AnyFault) -> AnyFault:
        """Return the fault with its symbol as BASE/QUOTE; FaultError if the venue has no such."""
        if type(fault) not in self.protocol.faults:
            names = [name_of(kind) for kind in kinds.FAULTS if kind in self.protocol.faults]
            raise UnknownFault(
                f"{self.protocol.name} has no fault {name_of(type(fault))!r}: use one of"
                f" {', '.join(names)}"
            )
        if isinstance(fault, kinds.PairStatus) and fault.status not in self.protocol.pair_states:
            states = ", ".join(sorted(self.protocol.pair_states))
            raise FaultError(f"status={fault.status}: {self.protocol.name} has {states}")
        symbol = getattr(fault, "symbol", None)
        if symbol is None:
            return fault
        return msgspec.structs.replace(fault, symbol=self.protocol.symbol_of(symbol))

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


def _garbage(kind: str, json_of_unknown_channel: str) -> bytes:
    match kind:
        case "text":
            return pack(_NO_JSON)
        case "binary":
            return pack_binary(secrets.token_bytes(64))
        case _:
            return pack(json_of_unknown_channel)
