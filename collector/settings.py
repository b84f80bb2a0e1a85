"""Settings of the collector, as typed values; `docs/settings.md` lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zlib import crc32

from pydantic import AfterValidator, Field
from pydantic_settings import NoDecode

from kraken_book.book import DEPTHS
from kraken_book.selection import Selection, parse_pairs
from runtime.settings import Port, Seconds, ServiceSettings, parsed_by

KRAKEN_HOST_SUFFIX = ".kraken.com"


@dataclass(frozen=True)
class Shard:
    """One of `count` equal shares of the symbols; `index` counts from 0."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, symbol: str) -> bool:
        """Return whether `symbol` belongs to this share."""
        return crc32(symbol.encode()) % self.count == self.index

    def overlaps(self, other: Shard) -> bool:
        """Return whether a symbol can belong to both shares."""
        return (self.index - other.index) % gcd(self.count, other.count) == 0


def parse_shard(text: str) -> Shard:
    """Return the shard of a text such as `2/8`.

    Raises:
        ValueError: The text is no shard. The message describes the right form.
    """
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if match and int(match[1]) < int(match[2]):
        return Shard(int(match[1]), int(match[2]))
    raise ValueError("it takes i/n with i from 0 to n - 1, such as 0/1 or 2/8")


def _checked_depth(depth: int) -> int:
    if depth not in DEPTHS:
        raise ValueError(f"it takes one of Kraken's depths: {', '.join(map(str, DEPTHS))}")
    return depth


def _checked_url(url: str) -> str:
    takes = "it takes ws://host:port/path or wss://host/path"
    parts = urlsplit(url)
    try:
        known = parts.scheme in ("ws", "wss") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise ValueError(f"{error}: {takes}") from None
    if not known:
        raise ValueError(takes)
    return url


class CollectorSettings(ServiceSettings):
    """The settings that `python -m collector` reads from the environment."""

    kraken_url: Annotated[str, AfterValidator(_checked_url)] = "wss://ws.kraken.com/v2"
    """address of Kraken's WebSocket v2, or of a simulator"""
    kraken_symbols: Annotated[Selection, NoDecode, parsed_by(parse_pairs)] = parse_pairs(
        "BTC/USD,ETH/USD,SOL/USD"
    )
    """symbols; also */USD, BTC/* or * for all that Kraken lists, and !USDT/USD to exclude one"""
    kraken_depth: Annotated[int, AfterValidator(_checked_depth)] = 10
    """levels of each side: 10, 25, 100, 500 or 1000"""
    kraken_symbols_per_connection: Annotated[int, Field(ge=1, le=1000)] = 100
    """most symbols of one connection"""
    kraken_max_symbols: Annotated[int, Field(ge=1, le=20_000)] = 4000
    """wildcards add symbols up to this number"""
    kraken_connects_per_10_min: Annotated[int, Field(ge=1, le=150)] = 60
    """most connection attempts in ten minutes"""
    kraken_quiet_resync: Annotated[float, Field(ge=10, allow_inf_nan=False)] = 300.0
    """seconds without an update after which a book is subscribed to again"""
    stream_retention: Seconds = 300.0
    """seconds for which Redis keeps events"""
    stream_maxlen: Annotated[int, Field(ge=100)] = 20_000
    """most events that Redis keeps of each symbol"""
    collector_venue: Literal["kraken", "coinbase", "binance", "bitfinex"] = "kraken"
    """venue whose books this collector follows: kraken, coinbase, binance or bitfinex"""
    collector_shard: Annotated[Shard, NoDecode, parsed_by(parse_shard)] = Shard(0, 1)
    """this collector's share of the symbols, i/n"""
    collector_lease: Annotated[float, Field(ge=1, le=60)] = 5.0
    """seconds until a standby takes over from a leader that has failed"""
    collector_tape: Path | None = None
    """folder in which every frame is recorded as it came; none if unset"""
    collector_tape_max_gb: Annotated[float, Field(ge=0.01, le=1_000_000)] = 20.0
    """most gigabytes (10^9 bytes) of the tape's files; the oldest are removed"""
    collector_tape_max_days: Annotated[float, Field(ge=0.01, le=36_500)] = 30.0
    """most days that the tape's files are kept"""
    collector_host: str = "127.0.0.1"
    """address of /healthz and /metrics"""
    collector_port: Port = 9820
    """port of /healthz and /metrics"""

    @property
    def source(self) -> str:
        """Return `kraken` if the feed's host is Kraken's, else `simulated`."""
        host = urlsplit(self.kraken_url).hostname or ""
        return "kraken" if f".{host}".endswith(KRAKEN_HOST_SUFFIX) else "simulated"
