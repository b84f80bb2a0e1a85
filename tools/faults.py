"""Random faults of a venue: the same seed makes the same faults in the same order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from kraken_book.symbols import KRAKEN
from simulator.faults.text import name_of as name_of_kind
from simulator.market.catalogue import profile_of
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.registry import open_other_venue
from simulator.protocols.venue import SimulatedVenue

_CONNECTION_FAULT_IN = 20
"""One of so many faults is of all connections; with more, books would hardly ever be live."""

_OF_UPDATES = ("corrupt", "swallow", "repeat", "reorder", "crossed", "level", "cut")
_OF_REST = ("slow_rest", "stale_rest", "rest_error", "rest_limit", "ban")
_COUNTED = ("corrupt", "swallow", "repeat")
_SYSTEMS = ("maintenance", "cancel_only", "post_only", "online")
_PAIR_STATES = ("cancel_only", "maintenance", "online")


class FaultMaker:
    """A generator of random faults, each as one or more requests to the simulator.

    Args:
        pairs: The pairs of the simulator.
        seed: The seed.
        venue: The venue; only faults that it can have are made.
        connection_fault_in: One of so many faults is of all connections.
        delists: Whether pairs are delisted, until the requests of `repairs` are made.

    """

    def __init__(
        self,
        pairs: Sequence[str],
        seed: int,
        venue: str = KRAKEN,
        connection_fault_in: int = _CONNECTION_FAULT_IN,
        *,
        delists: bool = False,
    ) -> None:
        self._symbols = pairs
        self._random = random.Random(seed)
        self._connection_fault_in = connection_fault_in
        self._is_kraken = venue == KRAKEN
        protocol: type[SimulatedVenue] | SimulatedVenue = SimulatedKraken
        if self._is_kraken:
            self._instruments = {pair: profile_of(pair).instrument for pair in pairs}
        else:
            protocol = open_other_venue(venue, MarketOptions(symbols=tuple(pairs)))
            listings = protocol.exchange.listings()
            self._instruments = {each.instrument.symbol: each.instrument for each in listings}
        self._known = {name_of_kind(kind) for kind in protocol.faults}
        states = _PAIR_STATES + (("delisted",) if delists else ())
        self._pair_states = [state for state in states if state in protocol.pair_states]
        self._refined: set[str] = set()
        self._halted: dict[str, None] = {}
        self._kinds: list[Callable[[], list[str]]] = [
            # As frequent as all other kinds together.
            *[self._of_updates] * 5,
            self._of_subscription,
            self._mute,
            self._silence,
            self._precision,
            self._pair_status,
        ]
        if not self._is_kraken:
            self._kinds += [self._gap, self._gap, self._of_rest, self._of_rest]

    def next(self) -> list[str]:
        """Return the next fault as requests to the simulator."""
        if self._random.randrange(self._connection_fault_in) == 0:
            return [self._of_connections()]
        return self._random.choice(self._kinds)()

    def repairs(self) -> list[str]:
        """Return the requests that bring all pairs back that a fault has halted or delisted."""
        halted, self._halted = self._halted, {}
        return [f"pair_status?symbol={symbol}&status=online" for symbol in halted]

    def _of_updates(self) -> list[str]:
        name, symbol = self._choice(_OF_UPDATES), self._symbol()
        count = f"&count={self._random.randrange(1, 4)}" if name in _COUNTED else ""
        return [f"{name}?symbol={symbol}{count}"]

    def _of_subscription(self) -> list[str]:
        """Return a fault of the next subscription, and one of the feed that causes a resync."""
        symbol = self._symbol()
        parameters = {"early": "", "ack_only": "", "refuse": "&seconds=5"}
        name = self._choice(list(parameters))
        return [f"{name}?symbol={symbol}{parameters[name]}", self._doubt(symbol)]

    def _doubt(self, symbol: str) -> str:
        """Return a fault that makes the collector subscribe to a book again."""
        return f"{'corrupt' if 'corrupt' in self._known else 'crossed'}?symbol={symbol}"

    def _gap(self) -> list[str]:
        """Return a jump of the venue's counter: Binance counts the changes of each pair."""
        symbol = f"symbol={self._symbol()}&" if "stale_rest" in self._known else ""
        return [f"gap?{symbol}by={self._random.randrange(1, 50)}"]

    def _of_rest(self) -> list[str]:
        """Return a fault of REST, and one after which the venue's list or snapshots are needed."""
        name = self._choice(_OF_REST)
        parameters = {
            "slow_rest": f"delay={self._seconds(1, 4)}&seconds={self._seconds(2, 6)}",
            "rest_error": f"seconds={self._seconds(1, 6)}&status={self._random.choice((500, 503))}",
        }
        fault = f"{name}?{parameters.get(name, f'seconds={self._seconds(1, 6)}')}"
        needed = self._random.choice(("drop", self._doubt(self._symbol())))
        return [fault, needed]

    def _mute(self) -> list[str]:
        return [f"mute?symbol={self._symbol()}&seconds={self._seconds(1, 4)}"]

    def _silence(self) -> list[str]:
        return [f"silence?symbol={self._symbol()}&seconds={self._seconds(3, 20)}"]

    def _precision(self) -> list[str]:
        """Return a change of the price's precision to one decimal more, or back."""
        symbol = self._symbol()
        self._refined ^= {symbol}
        instrument, more = self._instruments[symbol], symbol in self._refined
        price, qty = instrument.price_precision + more, instrument.qty_precision
        return [f"precision?symbol={symbol}&price={price}&qty={qty}"]

    def _pair_status(self) -> list[str]:
        status, symbol = self._random.choice(self._pair_states), self._symbol()
        if status == "online":
            self._halted.pop(symbol, None)
        else:
            self._halted[symbol] = None
        return [f"pair_status?symbol={symbol}&status={status}"]

    def _of_connections(self) -> str:
        faults = [
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
        ]
        if not self._is_kraken:
            faults += [
                f"maintenance?seconds={self._seconds(1, 4)}",
                f"restart?delay={self._seconds(0.5, 2)}",
                f"ban?seconds={self._seconds(1, 5)}",
                f"limits?seconds={self._seconds(2, 8)}",
            ]
        return self._random.choice([fault for fault in faults if self._has(fault)])

    def _has(self, fault: str) -> bool:
        return fault.partition("?")[0] in self._known

    def _choice(self, names: Sequence[str]) -> str:
        return self._random.choice([name for name in names if name in self._known])

    def _symbol(self) -> str:
        return self._random.choice(self._symbols)

    def _seconds(self, least: float, most: float) -> float:
        return round(self._random.uniform(least, most), 1)


def name_of(fault: str) -> str:
    """Return the name of a fault for the report; a mute of all connections has another name."""
    name = fault.partition("?")[0]
    return "mute of all" if name == "mute" and "symbol=" not in fault else name
