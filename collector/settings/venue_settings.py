"""Settings of each venue, as typed values.

`make venues` lists them in `docs/settings.md` and `docker-compose.yml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import NoDecode

from kraken_book.book import DEPTHS
from kraken_book.selection import Selection, parse_pairs
from runtime.settings import EnvironmentSettings, parsed_by


class FollowedVenue(NamedTuple):
    """The settings of the venue that a collector follows.

    Attributes:
        name: The venue's name.
        url: Address of the websocket.
        rest_url: Address of the REST interface; empty if the venue needs none.
        symbols: The symbols that all shards follow together.
        depth: Levels of each side that are published.
        symbols_per_connection: The most books that one connection carries.
        max_symbols: Wildcards add books up to this number.
        connects_per_10_min: The most connection attempts in ten minutes.
        quiet_resync: Seconds without an update after which a book is resynced.
    """

    name: str
    url: str
    rest_url: str
    symbols: Selection
    depth: int
    symbols_per_connection: int
    max_symbols: int
    connects_per_10_min: int
    quiet_resync: float

    @property
    def source(self) -> str:
        """The venue's name if the host is the venue's, else `simulated`."""
        host = f".{urlsplit(self.url).hostname or ''}"
        return self.name if host.endswith(_CLASSES[self.name].HOSTS) else "simulated"


@dataclass(frozen=True)
class DepthChoice:
    """Which depths a venue has.

    Attributes:
        venue: The venue's name in the error.
        depths: The depths that it takes.
    """

    venue: str
    depths: tuple[int, ...]

    def __call__(self, depth: int) -> int:
        """Return `depth` if the venue has it.

        Raises:
            ValueError: It has not. The message names its depths.
        """
        if depth not in self.depths:
            takes = ", ".join(map(str, self.depths))
            raise ValueError(f"it takes one of {self.venue}'s depths: {takes}")
        return depth


def _depth_of(venue: str, depths: tuple[int, ...] = DEPTHS) -> AfterValidator:
    return AfterValidator(DepthChoice(venue, depths))


def _address(schemes: tuple[str, ...], takes: str) -> AfterValidator:
    def checked(url: str) -> str:
        parts = urlsplit(url)
        try:
            known = parts.scheme in schemes and parts.hostname and parts.port != 0
        except ValueError as error:
            raise ValueError(f"{error}: {takes}") from None
        if not known:
            raise ValueError(takes)
        return url

    return AfterValidator(checked)


_WebsocketUrl = Annotated[
    str, _address(("ws", "wss"), "it takes ws://host:port/path or wss://host/path")
]
_RestUrl = Annotated[str, _address(("http", "https"), "it takes http://host:port or https://host")]
_Symbols = Annotated[Selection, NoDecode, parsed_by(parse_pairs)]
_MaxSymbols = Annotated[int, Field(ge=1, le=20_000)]
_Connects = Annotated[int, Field(ge=1, le=150)]
_Quiet = Annotated[float, Field(ge=10, allow_inf_nan=False)]


class OneVenueSettings(EnvironmentSettings):
    """The base of the settings of one venue."""

    HOSTS: ClassVar[tuple[str, ...]]
    """The ends of the venue's own hosts, with the dot before them."""


class KrakenSettings(OneVenueSettings):
    """The settings of Kraken."""

    HOSTS: ClassVar[tuple[str, ...]] = (".kraken.com",)

    kraken_url: _WebsocketUrl = "wss://ws.kraken.com/v2"
    """address of Kraken's WebSocket v2, or of a simulator"""
    kraken_symbols: _Symbols = parse_pairs("BTC/USD,ETH/USD,SOL/USD")
    """symbols; also */USD, BTC/* or * for all that Kraken lists, and !USDT/USD to exclude one"""
    kraken_depth: Annotated[int, _depth_of("Kraken")] = 10
    """levels of each side: 10, 25, 100, 500 or 1000"""
    kraken_symbols_per_connection: Annotated[int, Field(ge=1, le=1000)] = 100
    """most symbols of one connection"""
    kraken_max_symbols: _MaxSymbols = 4000
    """wildcards add symbols up to this number"""
    kraken_connects_per_10_min: _Connects = 60
    """most connection attempts in ten minutes"""
    kraken_quiet_resync: _Quiet = 300.0
    """seconds without an update after which a book is subscribed to again"""


class CoinbaseSettings(OneVenueSettings):
    """The settings of Coinbase Advanced Trade."""

    HOSTS: ClassVar[tuple[str, ...]] = (".coinbase.com",)

    coinbase_url: _WebsocketUrl = "wss://advanced-trade-ws.coinbase.com"
    """address of Coinbase's WebSocket, or of a simulator"""
    coinbase_rest_url: _RestUrl = "https://api.coinbase.com"
    """address of Coinbase's REST interface, for the list of pairs"""
    coinbase_symbols: _Symbols = parse_pairs("BTC/USD,ETH/USD,SOL/USD")
    """symbols, as in KRAKEN_SYMBOLS, in the codes of Coinbase Advanced Trade"""
    coinbase_depth: Annotated[int, _depth_of("Coinbase")] = 10
    """levels of each side that are published: 10, 25, 100, 500 or 1000"""
    coinbase_symbols_per_connection: Annotated[int, Field(ge=1, le=100)] = 8
    """most symbols of one connection; each has a snapshot of up to 5 MB"""
    coinbase_max_symbols: _MaxSymbols = 200
    """wildcards add symbols up to this number"""
    coinbase_connects_per_10_min: _Connects = 60
    """most connection attempts in ten minutes"""
    coinbase_quiet_resync: _Quiet = 300.0
    """seconds without an update after which a book is subscribed to again"""


class BinanceSettings(OneVenueSettings):
    """The settings of Binance spot."""

    HOSTS: ClassVar[tuple[str, ...]] = (".binance.com", ".binance.us", ".binance.vision")

    binance_url: _WebsocketUrl = "wss://data-stream.binance.vision/ws"
    """address of Binance's streams, such as wss://stream.binance.us:9443/ws, or of a simulator"""
    binance_rest_url: _RestUrl = "https://data-api.binance.vision"
    """address of Binance's REST interface, for pairs and snapshots: https://api.binance.us"""
    binance_symbols: _Symbols = parse_pairs("BTC/USDT,ETH/USDT,SOL/USDT")
    """symbols, as in KRAKEN_SYMBOLS, in the codes of Binance spot"""
    binance_depth: Annotated[int, _depth_of("Binance")] = 10
    """levels of each side that are published: 10, 25, 100, 500 or 1000"""
    binance_symbols_per_connection: Annotated[int, Field(ge=1, le=1000)] = 100
    """most symbols of one connection; Binance permits 1,024"""
    binance_max_symbols: _MaxSymbols = 400
    """wildcards add symbols up to this number"""
    binance_connects_per_10_min: _Connects = 60
    """most connection attempts in ten minutes"""
    binance_quiet_resync: _Quiet = 300.0
    """seconds without an update after which a book is subscribed to again"""


class BitfinexSettings(OneVenueSettings):
    """The settings of Bitfinex."""

    HOSTS: ClassVar[tuple[str, ...]] = (".bitfinex.com",)

    bitfinex_url: _WebsocketUrl = "wss://api-pub.bitfinex.com/ws/2"
    """address of Bitfinex's WebSocket v2, or of a simulator"""
    bitfinex_rest_url: _RestUrl = "https://api-pub.bitfinex.com"
    """address of Bitfinex's REST interface, for the list of pairs"""
    bitfinex_symbols: _Symbols = parse_pairs("BTC/USD,ETH/USD,SOL/USD")
    """symbols, as in KRAKEN_SYMBOLS, in Bitfinex's codes: UST is USDT"""
    bitfinex_depth: Annotated[int, _depth_of("Bitfinex", (10, 25, 100))] = 10
    """levels of each side that are published: 10, 25 or 100"""
    bitfinex_symbols_per_connection: Annotated[int, Field(ge=1, le=25)] = 25
    """most symbols of one connection; Bitfinex permits 25"""
    bitfinex_max_symbols: _MaxSymbols = 200
    """wildcards add symbols up to this number"""
    bitfinex_connects_per_10_min: _Connects = 60
    """most connection attempts in ten minutes"""
    bitfinex_quiet_resync: _Quiet = 300.0
    """seconds without an update after which a book is subscribed to again"""


class VenueSettings(KrakenSettings, CoinbaseSettings, BinanceSettings, BitfinexSettings):
    """The settings of all venues, of which a collector follows one."""

    def of_venue(self, name: str) -> FollowedVenue:
        """Return the settings of a venue."""
        fields: dict[str, Any] = {
            field: getattr(self, f"{name}_{field}")
            for field in FollowedVenue._fields
            if field not in ("name", "rest_url")
        }
        return FollowedVenue(name, rest_url=getattr(self, f"{name}_rest_url", ""), **fields)


# A class has the name of its venue.
_CLASSES: dict[str, type[OneVenueSettings]] = {
    kind.__name__.removesuffix("Settings").lower(): kind for kind in VenueSettings.__bases__
}
VENUES = tuple(_CLASSES)


def usual_path(venue: str) -> str:
    """Return the path of a venue's websocket by default; its simulator has the same."""
    default: str = VenueSettings.model_fields[f"{venue}_url"].default
    return urlsplit(default).path
