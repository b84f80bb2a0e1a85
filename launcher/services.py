"""The processes of a run: what each is called, how it is started, and what it is told."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, field

from kraken_book.symbols import folded
from launcher.settings import LauncherSettings

SIMULATED_RATE = 30
DEFAULT_MARKET = "BTC/USD"


@dataclass(frozen=True)
class Service:
    """One process under the supervisor; `environment` goes on top of the launcher's own."""

    name: str
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """For a shell, which makes way for the service and does not stay between."""
        return "exec " + shlex.join([sys.executable, "-m", self.name, *self.arguments])

    def full_environment(self) -> dict[str, str]:
        """The environment that the process gets."""
        return {**os.environ, **self.environment}


def services_for(
    settings: LauncherSettings, redis_url: str, collector_port: int, simulator_port: int | None
) -> list[Service]:
    """Every service of a run, in the order to start them; a `simulator_port` adds the simulator."""
    shared = {"REDIS_URL": redis_url, "LOG_FORMAT": settings.log_format or "console"}
    if sys.stdout.isatty():
        shared["FORCE_COLOR"] = "1"  # they write to our pipe, and we to a terminal
    to_collector = {**shared, "COLLECTOR_PORT": str(collector_port)}
    services = []
    if simulator_port is not None:
        to_collector["KRAKEN_URL"] = f"ws://127.0.0.1:{simulator_port}/v2"
        services.append(
            Service("simulator", _simulator_arguments(settings, simulator_port), shared)
        )
    return [*services, Service("collector", [], to_collector), Service("api", [], shared)]


def _simulator_arguments(settings: LauncherSettings, port: int) -> list[str]:
    arguments = ["--port", str(port), "--rate", str(SIMULATED_RATE)]
    if settings.selection.patterns:
        return arguments  # It lists its whole catalogue.
    # An old name is refused by the simulator, as by Kraken, when the collector asks for it.
    symbols = [s for s in settings.selection.names if folded(s) == s.upper()]
    return [*arguments, "--symbols", ",".join(symbols) or DEFAULT_MARKET]
