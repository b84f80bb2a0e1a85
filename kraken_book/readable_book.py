"""What every book offers to its reader: levels, figures, tables and a ladder for notebooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kraken_book.event import Status
from kraken_book.ladder_html import ladder_html
from kraken_book.level import Level
from kraken_book.precision import Precision, to_text
from kraken_book.printable import printable
from kraken_book.quote import (
    OrderSide,
    Quantity,
    Quote,
    imbalance,
    microprice,
    mid,
    parse_levels,
    quote,
)
from kraken_book.symbols import pair_of, venue_of
from kraken_book.tables import pandas_table, polars_table

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["ReadableBook"]


class ReadableBook(ABC):
    """The reading side of `LiveBook`, which changes, and of `FrozenBook`, which does not.

    Texts are the venue's own. Figures are exact Decimals, except that quotients are rounded half to
    even to 28 significant digits. Use them as the current ones only if `is_live` is true.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        bid, ask = self.best_bid, self.best_ask
        prices = f"{bid.price if bid else '-'}/{ask.price if ask else '-'}"
        why = f": {self.reason}" if self.reason else ""
        name = type(self).__name__
        return printable(f"<{name} {self.symbol} {prices} seq {self.seq} {self.status}{why}>")

    def _repr_html_(self) -> str:
        """Return a small ladder, which notebooks show instead of `repr`."""
        return ladder_html(self)

    @property
    @abstractmethod
    def symbol(self) -> str:
        """The symbol in the api's spelling."""

    @property
    @abstractmethod
    def status(self) -> Status:
        """`live`, `syncing` or `stale`."""

    @property
    @abstractmethod
    def reason(self) -> str | None:
        """Why the book is not live, in a word or two; None if unknown."""

    @property
    def venue(self) -> str:
        """The venue of the symbol: `kraken`, or the name before the colon."""
        return venue_of(self.symbol)

    @property
    def pair(self) -> str:
        """The symbol without its venue, such as `BTC/USDT`."""
        return pair_of(self.symbol)

    @property
    @abstractmethod
    def source(self) -> str | None:
        """The venue's name, `simulated` or `replay`; None before the first book."""

    @property
    @abstractmethod
    def proof(self) -> str | None:
        """How the collector proved the book against its venue; None if unknown.

        `checksum`, `sequence` or `sequence+checksum`.
        """

    @property
    @abstractmethod
    def depth(self) -> int | None:
        """The maximum number of levels of a side, None before the first book."""

    @property
    @abstractmethod
    def precision(self) -> Precision | None:
        """The decimals of prices and quantities, None before the first book."""

    @property
    @abstractmethod
    def epoch(self) -> int | None:
        """The epoch of the last numbered event."""

    @property
    @abstractmethod
    def seq(self) -> int | None:
        """The number of the last numbered event."""

    @property
    @abstractmethod
    def checksum(self) -> int | None:
        """The checksum with which the levels were verified, None before the first book."""

    @property
    @abstractmethod
    def exchange_time(self) -> str | None:
        """When Kraken last changed the book: RFC 3339, UTC."""

    @property
    @abstractmethod
    def bids(self) -> Sequence[Level]:
        """The bids, highest first."""

    @property
    @abstractmethod
    def asks(self) -> Sequence[Level]:
        """The asks, lowest first."""

    @property
    def is_live(self) -> bool:
        """Whether the book is verified and matches Kraken's current book."""
        return self.status == "live"

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, None if there is no bid."""
        return next(iter(self.bids), None)

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, None if there is no ask."""
        return next(iter(self.asks), None)

    @property
    def spread(self) -> str | None:
        """The best ask minus the best bid at the symbol's precision, None if a side is empty."""
        bid, ask, precision = self.best_bid, self.best_ask, self.precision
        if bid is None or ask is None or precision is None:
            return None
        return to_text(ask.ticks - bid.ticks, precision.price)

    @property
    def mid(self) -> Decimal | None:
        """The middle of the best bid and the best ask, exact; None if a side is empty."""
        return mid(self.best_bid, self.best_ask)

    @property
    def microprice(self) -> Decimal | None:
        """The best prices, each weighted with the other side's quantity; None if one is missing."""
        return microprice(self.best_bid, self.best_ask)

    def imbalance(self, levels: int = 1) -> Decimal | None:
        """Return (bids - asks) / (bids + asks) of the quantities of the best levels.

        Args:
            levels: The number of levels of each side that count.

        Returns:
            A number from -1 (only asks) to 1 (only bids); None if both sides are empty.
        """
        return imbalance(parse_levels(levels), bids=self.bids, asks=self.asks)

    def cost(self, side: OrderSide, qty: Quantity) -> Quote:
        """Return what a market order would pay or receive at the levels of this book, without fees.

        An invalid argument raises Unusable.

        Args:
            side: `buy` takes asks, `sell` takes bids.
            qty: The quantity in the base currency: a Decimal, a text, an int, or a float, which
                counts as the decimal that Python prints for it.
        """
        return quote(side, qty, bids=self.bids, asks=self.asks)

    def to_dict(self) -> dict[str, Any]:
        """Return the book with the names and texts of `/depth`, ready for JSON."""
        bid, ask, precision = self.best_bid, self.best_ask, self.precision
        return {
            "symbol": self.symbol,
            "status": self.status,
            "reason": self.reason,
            "source": self.source,
            "proof": self.proof,
            "depth": self.depth,
            "price_precision": precision and precision.price,
            "qty_precision": precision and precision.qty,
            "epoch": self.epoch,
            "seq": self.seq,
            "checksum": self.checksum,
            "exchange_time": self.exchange_time,
            "best_bid": bid and {"price": bid.price, "qty": bid.qty},
            "best_ask": ask and {"price": ask.price, "qty": ask.qty},
            "spread": self.spread,
            "bids": [list(level) for level in self.bids],
            "asks": [list(level) for level in self.asks],
        }

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with a row for each level: bids, then asks, each best first.

        Columns: `symbol`, `side` (`bid` or `ask`), `level` (1 is the best), `price` and `qty` as
        floats for calculations, and `price_text` and `qty_text`, which are exact. Without pandas,
        MissingExtra is raised.
        """
        return pandas_table(self.symbol, self.bids, self.asks)

    def to_polars(self) -> polars.DataFrame:
        """Return the table of `to_pandas` for polars; without polars, MissingExtra is raised."""
        return polars_table(self.symbol, self.bids, self.asks)
