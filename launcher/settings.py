"""Settings of a run: the launcher's setting, and those of the services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from runtime.settings import EnvironmentSettings, read_settings

Feed = Literal["auto", "live", "simulated"]


class LauncherSettings(EnvironmentSettings):
    """Settings of the launcher only."""

    feed: Feed = "auto"
    """live, simulated, or auto: simulated markets if Kraken cannot be reached"""


@dataclass(frozen=True)
class RunSettings:
    """All settings of a run."""

    feed: Feed
    collector: CollectorSettings
    api: ApiSettings

    @property
    def redis_url(self) -> str | None:
        """The URL of Redis if REDIS_URL is set, else None, although the services have a default."""
        return self.api.redis_url if self.api.is_given("redis_url") else None


def read_run_settings() -> RunSettings:
    """Return all settings; print one line per wrong setting and exit with 2.

    Each service reads its settings again. Here they are checked before any process is started.
    """
    launcher = read_settings(LauncherSettings)
    return RunSettings(launcher.feed, read_settings(CollectorSettings), read_settings(ApiSettings))
