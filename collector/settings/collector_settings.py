"""Settings of the collector, as typed values; `docs/settings.md` lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Annotated
from zlib import crc32

from pydantic import AfterValidator, Field
from pydantic_settings import NoDecode

from collector.settings.venue_settings import VENUES, FollowedVenue, VenueSettings
from runtime.settings import Port, Seconds, ServiceSettings, parsed_by


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


def _known_venue(name: str) -> str:
    if name not in VENUES:
        raise ValueError(f"it takes one of {', '.join(VENUES)}")
    return name


class CollectorSettings(VenueSettings, ServiceSettings):
    """The settings that `python -m collector` reads from the environment."""

    stream_retention: Seconds = 300.0
    """seconds for which Redis keeps events"""
    stream_maxlen: Annotated[int, Field(ge=100)] = 20_000
    """most events that Redis keeps of each symbol"""
    collector_venue: Annotated[str, AfterValidator(_known_venue)] = "kraken"
    """venue whose books this collector follows, such as binance"""
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
    """address of /healthz, /readyz and /metrics"""
    collector_port: Port = 9820
    """port of /healthz, /readyz and /metrics"""

    @property
    def followed(self) -> FollowedVenue:
        """The settings of the venue that this collector follows."""
        return self.of_venue(self.collector_venue)
