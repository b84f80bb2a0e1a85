"""The launcher's own view of the settings; every service reads and checks its own by itself.

What both read must mean the same: tests compare the defaults.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from kraken_book.selection import Selection, parse_selection
from runtime.redis.url import check_redis_url
from runtime.settings import LogSettings, Port


def _checked_selection(text: str) -> str:
    parse_selection(text)
    return text


class LauncherSettings(LogSettings):
    """What the launcher decides by; each field's name in capitals is its variable.

    `given` tells a value that was set from a default: a port that is given is never changed.
    """

    redis_url: Annotated[str, AfterValidator(check_redis_url)] | None = None
    """the Redis to use; unset, one of its own runs until the end"""
    feed: Literal["auto", "live", "simulated"] = "auto"
    """live, simulated, or auto: simulated markets if Kraken cannot be reached"""
    kraken_url: str = "wss://ws.kraken.com/v2"
    """Kraken's WebSocket v2, or a stand-in's"""
    kraken_symbols: Annotated[str, AfterValidator(_checked_selection)] = "BTC/USD,ETH/USD,SOL/USD"
    """symbols; also */USD, BTC/* and * for all that Kraken lists, and !USDT/USD to leave one out"""
    collector_host: str = "127.0.0.1"
    """address of the collector's /healthz and /metrics"""
    collector_port: Port = 9820
    """port of the collector's /healthz and /metrics; unset, another is taken if it is in use"""
    api_host: str = "127.0.0.1"
    """address of the api"""
    api_port: Port = 3000
    """port of the api; unset, another is taken if it is in use"""

    def given(self, field: str) -> bool:
        """Return whether the environment or `.env` has a value for `field`."""
        return field in self.model_fields_set

    @property
    def selection(self) -> Selection:
        """The configured symbols and wildcards."""
        return parse_selection(self.kraken_symbols)
