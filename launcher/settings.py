"""The launcher's own view of the settings; every service reads and checks its own by itself.

What both read must mean the same: tests compare the defaults.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from kraken_book.selection import Selection, parse_selection
from service.settings import Port, ServiceSettings


def _checked_selection(text: str) -> str:
    parse_selection(text)
    return text


class LauncherSettings(ServiceSettings):
    """What the launcher decides by; each field's name in capitals is its variable.

    `model_fields_set` tells what was given from what is a default: a REDIS_URL that is given is
    used instead of an embedded Redis, and a COLLECTOR_PORT that is given is never changed.
    """

    feed: Literal["auto", "live", "simulated"] = "auto"
    kraken_url: str = "wss://ws.kraken.com/v2"
    kraken_symbols: Annotated[str, AfterValidator(_checked_selection)] = "BTC/USD,ETH/USD,SOL/USD"
    collector_host: str = "127.0.0.1"
    collector_port: Port = 9820
    api_host: str = "127.0.0.1"
    api_port: Port = 3000

    def given(self, field: str) -> bool:
        """Whether the environment or `.env` has a value for `field`."""
        return field in self.model_fields_set

    @property
    def selection(self) -> Selection:
        """The configured symbols and wildcards."""
        return parse_selection(self.kraken_symbols)
