"""Settings of a run: the launcher's setting, and those of the services."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_settings import NoDecode

from api.settings import ApiSettings
from collector.settings import VENUES, CollectorSettings, FollowedVenue
from runtime.settings import EnvironmentSettings, parsed_by, read_settings

Feed = Literal["auto", "live", "simulated"]

# As `kraken-book replay` has it.
MAX_SPEED = 1_000_000.0


def _checked_speed(text: str) -> str:
    with suppress(ValueError):
        if text == "max" or 0 < float(text) <= MAX_SPEED:
            return text
    raise ValueError("it takes a number above 0, such as 10, or max")


def parse_venues(text: str) -> tuple[str, ...]:
    """Return the venues of a text such as `kraken,binance`.

    Raises:
        ValueError: The text is no list of venues. The message names them.
    """
    venues = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not venues or not set(venues) <= set(VENUES):
        raise ValueError(f"it takes one or more of {', '.join(VENUES)}, separated by commas")
    return venues


class LauncherSettings(EnvironmentSettings):
    """Settings of the launcher only."""

    feed: Feed = "auto"
    """live, simulated, or auto: simulated markets of each venue that cannot be reached"""
    venues: Annotated[tuple[str, ...] | None, NoDecode, parsed_by(parse_venues)] = None
    """venues to follow, each with a collector: kraken,binance; if unset, COLLECTOR_VENUE"""
    replay: Path | None = None
    """a recording to play again and again, instead of any feed"""
    replay_speed: Annotated[str, AfterValidator(_checked_speed)] = "1"
    """times the recorded pace, or max"""


@dataclass(frozen=True)
class RunSettings:
    """All settings of a run."""

    feed: Feed
    collector: CollectorSettings
    api: ApiSettings
    replay: Path | None = None
    replay_speed: str = "1"
    venues: tuple[str, ...] = ("kraken",)

    @property
    def followed(self) -> list[FollowedVenue]:
        """The venues to follow, with their settings."""
        return [self.collector.of_venue(name) for name in self.venues]

    @property
    def redis_url(self) -> str | None:
        """The URL of Redis if REDIS_URL is set, else None, although the services have a default."""
        return self.api.redis_url if self.api.is_given("redis_url") else None


def read_run_settings() -> RunSettings:
    """Return all settings; print one line per wrong setting and exit with 2.

    Each service reads its settings again. Here they are checked before any process is started.
    """
    launcher = read_settings(LauncherSettings)
    collector = read_settings(CollectorSettings)
    return RunSettings(
        launcher.feed,
        collector,
        read_settings(ApiSettings),
        launcher.replay,
        launcher.replay_speed,
        launcher.venues or (collector.collector_venue,),
    )
