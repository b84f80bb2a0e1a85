"""Settings of a run: the launcher's setting, and those of the services."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from runtime.settings import EnvironmentSettings, read_settings

Feed = Literal["auto", "live", "simulated"]

# As `kraken-book replay` has it.
MAX_SPEED = 1_000_000.0


def _checked_speed(text: str) -> str:
    with suppress(ValueError):
        if text == "max" or 0 < float(text) <= MAX_SPEED:
            return text
    raise ValueError("it takes a number above 0, such as 10, or max")


class LauncherSettings(EnvironmentSettings):
    """Settings of the launcher only."""

    feed: Feed = "auto"
    """live, simulated, or auto: simulated markets if Kraken cannot be reached"""
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

    @property
    def redis_url(self) -> str | None:
        """The URL of Redis if REDIS_URL is set, else None, although the services have a default."""
        return self.api.redis_url if self.api.is_given("redis_url") else None


def read_run_settings() -> RunSettings:
    """Return all settings; print one line per wrong setting and exit with 2.

    Each service reads its settings again. Here they are checked before any process is started.
    """
    launcher = read_settings(LauncherSettings)
    return RunSettings(
        launcher.feed,
        read_settings(CollectorSettings),
        read_settings(ApiSettings),
        launcher.replay,
        launcher.replay_speed,
    )
