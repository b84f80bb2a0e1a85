"""What a run goes by: the launcher's own setting, and those of the services that it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from runtime.settings import EnvironmentSettings, read_settings

Feed = Literal["auto", "live", "simulated"]


class LauncherSettings(EnvironmentSettings):
    """What only the launcher takes from the environment."""

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
        """The Redis to use; None if none is given, whatever the services' default is."""
        return self.api.redis_url if self.api.is_given("redis_url") else None


def read_run_settings() -> RunSettings:
    """Return all settings; if one is wrong, say which in a line, and exit with 2.

    Each service reads its own again. Here they are checked before anything has been started.
    """
    launcher = read_settings(LauncherSettings)
    return RunSettings(launcher.feed, read_settings(CollectorSettings), read_settings(ApiSettings))
