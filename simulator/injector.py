"""Faults done: each goes to what it is about, the connections or a market."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from simulator import faults
from simulator.exchange import Exchange
from simulator.faults import AnyFault, FaultError
from simulator.feed import Feed
from simulator.server import Simulator
from simulator.wire import pack, pack_binary

_NO_JSON = "this is no JSON: {"
_UNKNOWN_CHANNEL = '{"channel":"gossip","type":"update","data":[]}'
_PADDED = '{"channel":"padding","type":"update","data":"%s"}'


@dataclass(frozen=True)
class Present:
    """A fault that is on, or that waits for a market's next updates or subscriptions."""

    fault: AnyFault
    left: float | None = None
    """For how many seconds more; None where no time ends it."""


class Injector:
    """What does faults, and knows which are on.

    Args:
        simulator: The connections.
        feed: What they are served; only an `Exchange` has markets that can have faults.

    """

    def __init__(self, simulator: Simulator, feed: Feed) -> None:
        self._simulator = simulator
        self._exchange = feed if isinstance(feed, Exchange) else None

    @property
    def exchange(self) -> Exchange:
        """The synthetic markets. Raises FaultError where a recording is replayed."""
        if self._exchange is None:
            raise FaultError(
                "a recording is replayed: only the synthetic markets, without --replay, have"
                " books that can be asked for and faults of a symbol"
            )
        return self._exchange

    def inject(self, fault: AnyFault) -> None:
        """Do a fault. Raises FaultError where it cannot be done here."""
        simulator = self._simulator
        match fault:
            case faults.Close(code=code):
                simulator.close_all(code)
            case faults.Drop():
                simulator.abort_all()
            case faults.Garbage(kind=kind):
                simulator.push_all(_senseless(kind))
            case faults.Big(size=size):
                simulator.push_all(pack(_PADDED % ("x" * (size - len(_PADDED % "")))))
            case faults.Status(system=system):
                simulator.set_system(system)
            case (
                faults.Mute(symbol=None)
                | faults.AcceptAndClose()
                | faults.RefuseConnections()
                | faults.AnswerLate()
                | faults.AnswerNever()
                | faults.RateLimit()
                | faults.Lag()
            ):
                simulator.conditions.begin(fault)
            case _:
                changed = self.exchange.inject(fault)
                if changed is not None:
                    simulator.announce(changed)

    def present(self) -> list[Present]:
        """What is on and what waits."""
        conditions = self._simulator.conditions
        lasting = conditions.left()
        waiting: list[AnyFault] = []
        if conditions.system != "online":
            waiting.append(faults.Status(conditions.system))
        if self._exchange is not None:
            lasting += self._exchange.conditions.left()
            waiting += self._exchange.pending()
        return [Present(fault, round(left, 3)) for fault, left in lasting] + [
            Present(fault) for fault in waiting
        ]

    def lift(self) -> list[Present]:
        """End what is on and let nothing wait; returns what that was."""
        lifted = self.present()
        self._simulator.conditions.lift()
        if self._simulator.conditions.system != "online":
            self._simulator.set_system("online")
        if self._exchange is not None:
            self._exchange.lift()
        return lifted


def _senseless(kind: str) -> bytes:
    match kind:
        case "text":
            return pack(_NO_JSON)
        case "binary":
            return pack_binary(secrets.token_bytes(64))
        case _:
            return pack(_UNKNOWN_CHANNEL)
