"""The text of an update of a book, valid or spoiled by a fault."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.faults.kinds import CorruptChecksum, Crossed, CutText, ExtraDecimal, OfUpdate
from simulator.market.instrument import Level, SimulatedInstrument
from simulator.market.market import Market
from simulator.protocols.kraken.book_frames import CHECKSUM_LEVELS, book_frame, checksum
from simulator.wire import decimal_text


@dataclass(frozen=True)
class BookUpdate:
    """The changes of one move at one depth."""

    instrument: SimulatedInstrument
    bids: list[Level]
    asks: list[Level]
    checksum: int
    timestamp: str

    @property
    def text(self) -> str:
        """The valid frame."""
        return book_frame(
            "update", self.instrument, self.bids, self.asks, self.checksum, self.timestamp
        )


def spoiled_text(update: BookUpdate, fault: OfUpdate, market: Market) -> str:
    """Return the frame that a fault has spoiled.

    Args:
        update: The valid update.
        fault: The fault.
        market: The market, directly after the update.

    """
    match fault:
        case CorruptChecksum():
            return replace(update, checksum=update.checksum ^ 1).text
        case Crossed():
            return _crossed(update, market).text
        case ExtraDecimal():
            return _with_extra_decimal(update)
        case CutText():
            return update.text[: len(update.text) // 2]
        case _:
            return update.text


def can_cross(market: Market) -> bool:
    """Return whether the market has an ask that a bid can cross."""
    return bool(market.asks.keys)


def _crossed(update: BookUpdate, market: Market) -> BookUpdate:
    """Return the update with a bid at the best ask's price, and the crossed book's checksum."""
    bid = (market.asks.keys[0], market.profile.lots)
    check = checksum(market.asks.top(CHECKSUM_LEVELS), [bid, *market.bids.top(CHECKSUM_LEVELS - 1)])
    # The bid comes last, because clients apply levels in order.
    return replace(update, bids=[*update.bids, bid], checksum=check)


def _with_extra_decimal(update: BookUpdate) -> str:
    price, _ = (update.bids or update.asks)[0]
    decimals = update.instrument.price_precision
    right = f'"price":{decimal_text(price, decimals)},'
    wrong = f'"price":{decimal_text(10 * price + 5, decimals + 1)},'
    return update.text.replace(right, wrong, 1)
