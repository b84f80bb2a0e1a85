"""Random faults: the same seed makes the same faults in the same order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from simulator.market.catalogue import profile_of

_CONNECTION_FAULT_IN = 20
"""One of so many faults is of all connections; with more, books would hardly ever be live."""

_OF_UPDATES = ("corrupt", "swallow", "repeat", "reorder", "crossed", "level", "cut")
_COUNTED = ("corrupt", "swallow", "repeat")
_SYSTEMS = ("maintenance", "cancel_only", "post_only", "online")


class FaultMaker:
    """A generator of random faults, each as one or more requests to the simulator."""

    def __init__(self, symbols: Sequence[str], seed: int) -> None:
        self._symbols = symbols
        self._random = random.Random(seed)
        self._refined: set[str] = set()
        self._kinds: list[Callable[[], list[str]]] = [
            # As frequent as all other kinds together.
            *[self._of_updates] * 5,
            self._of_subscription,
            self._mute,
            self._silence,
            self._precision,
            self._pair_status,
        ]

    def next(self) -> list[str]:
        """Return the next fault as requests to the simulator."""
        if self._random.randrange(_CONNECTION_FAULT_IN) == 0:
            return [self._of_connections()]
        return self._random.choice(self._kinds)()

    def _of_updates(self) -> list[str]:
        name, symbol = self._random.choice(_OF_UPDATES), self._symbol()
        count = f"&count={self._random.randrange(1, 4)}" if name in _COUNTED else ""
        return [f"{name}?symbol={symbol}{count}"]

    def _of_subscription(self) -> list[str]:
        """Return a fault of the next subscription, and a wrong checksum that causes a resync."""
        symbol = self._symbol()
        parameters = {"early": "", "ack_only": "", "refuse": "&seconds=5"}
        name = self._random.choice(list(parameters))
        return [f"{name}?symbol={symbol}{parameters[name]}", f"corrupt?symbol={symbol}"]

    def _mute(self) -> list[str]:
        return [f"mute?symbol={self._symbol()}&seconds={self._seconds(1, 4)}"]

    def _silence(self) -> list[str]:
        return [f"silence?symbol={self._symbol()}&seconds={self._seconds(3, 20)}"]

    def _precision(self) -> list[str]:
        """Return a change of the price's precision to one decimal more, or back."""
        symbol = self._symbol()
        self._refined ^= {symbol}
        profile, more = profile_of(symbol), symbol in self._refined
        price, qty = profile.price_precision + more, profile.qty_precision
        return [f"precision?symbol={symbol}&price={price}&qty={qty}"]

    def _pair_status(self) -> list[str]:
        status = self._random.choice(("cancel_only", "maintenance", "online"))
        return [f"pair_status?symbol={self._symbol()}&status={status}"]

    def _of_connections(self) -> str:
        return self._random.choice(
            (
                "close?code=1001",
                "drop",
                f"accept_and_close?seconds={self._seconds(1, 3)}",
                f"refuse_connections?seconds={self._seconds(1, 3)}",
                f"answer_late?delay=2&seconds={self._seconds(2, 5)}",
                f"answer_never?seconds={self._seconds(2, 5)}",
                f"rate_limit?seconds={self._seconds(1, 3)}",
                f"garbage?kind={self._random.choice(('text', 'binary', 'json'))}",
                # After a frame of 10 MB the allocator keeps memory, which could hide a leak.
                f"big?bytes={self._random.randrange(10**5, 10**6)}",
                f"lag?delay={self._seconds(1, 7)}&seconds=3",
                f"mute?seconds={self._seconds(2, 12)}",
                f"status?system={self._random.choice(_SYSTEMS)}",
            )
        )

    def _symbol(self) -> str:
        return self._random.choice(self._symbols)

    def _seconds(self, least: float, most: float) -> float:
        return round(self._random.uniform(least, most), 1)


def name_of(fault: str) -> str:
    """Return the name of a fault for the report; a mute of all connections has another name."""
    name = fault.partition("?")[0]
    return "mute of all" if name == "mute" and "symbol=" not in fault else name
