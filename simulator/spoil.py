"""An update of a book, and the texts that faults make of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.checksum import LEVELS, checksum
from simulator.faults import Corrupt, Crossed, Cut, Level, OfUpdate
from simulator.instruments import Instrument
from simulator.market import Market
from simulator.side import Level as BookLevel
from simulator.wire import book_frame, decimal_text


@dataclass(frozen=True)
class Update:
    """What one move shows at one depth."""

    instrument: Instrument
    bids: list[BookLevel]
    asks: list[BookLevel]
    checksum: int
    timestamp: str

    @property
    def text(self) -> str:
        """The frame as it should be."""
        return book_frame(
            "update", self.instrument, self.bids, self.asks, self.checksum, self.timestamp
        )


def spoiled(update: Update, fault: OfUpdate, market: Market) -> str:
    """The frame as a fault changes it; `market` has just made the update."""
    match fault:
        case Corrupt():
            return replace(update, checksum=update.checksum ^ 1).text
        case Crossed():
            return _crossed(update, market).text
        case Level():
            return _finer(update)
        case Cut():
            return update.text[: len(update.text) // 2]
        case _:
            return update.text


def can_cross(market: Market) -> bool:
    """Whether there is a best ask for a bid to lie at."""
    return bool(market.asks.keys)


def _crossed(update: Update, market: Market) -> Update:
    """A bid at the price of the best ask, and the checksum of what the client then holds."""
    bid = (market.asks.keys[0], market.profile.lots)
    check = checksum(market.asks.top(LEVELS), [bid, *market.bids.top(LEVELS - 1)])
    # Last, because of several levels at a price in a frame the last counts.
    return replace(update, bids=[*update.bids, bid], checksum=check)


def _finer(update: Update) -> str:
    price, _ = (update.bids or update.asks)[0]
    decimals = update.instrument.price_precision
    right = f'"price":{decimal_text(price, decimals)},'
    wrong = f'"price":{decimal_text(10 * price + 5, decimals + 1)},'
    return update.text.replace(right, wrong, 1)
