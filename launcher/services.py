"""The processes of a run: what each is called, how it is started, and what it is told."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from kraken_book.symbols import normalize_symbol
from launcher.ports import port_of
from launcher.settings import LauncherSettings

SIMULATED_RATE = 30
DEFAULT_MARKET = "BTC/USD"


@dataclass(frozen=True)
class Service:
    """One process under the supervisor.

    Attributes:
        name: What it is called, and what `python -m` is given.
        arguments: Its command line.
        environment: What goes on top of the launcher's own.
        listener: The socket that it is to listen on.

    """

    name: str
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    listener: socket.socket | None = None

    @property
    def command(self) -> str:
        """For a shell, which makes way for the service and does not stay between."""
        return "exec " + shlex.join([sys.executable, "-m", self.name, *self.arguments])

    def full_environment(self) -> dict[str, str]:
        """The environment that the process gets."""
        return {**os.environ, **self.environment}


def services_for(
    settings: LauncherSettings, redis_url: str, listeners: Mapping[str, socket.socket]
) -> list[Service]:
    """Return every service of a run, in the order to start them.

    Args:
        settings: What was asked for.
        redis_url: Where Redis is.
        listeners: The services' sockets by name; one for the simulator adds it.

    """
    shared = {"REDIS_URL": redis_url, "LOG_FORMAT": settings.log_format or "console"}
    if sys.stdout.isatty():
        shared["FORCE_COLOR"] = "1"  # they write to our pipe, and we to a terminal
    collector, api = listeners["collector"], listeners["api"]
    to_api = {**shared, "API_PORT": str(port_of(api))}
    to_collector = {**shared, "COLLECTOR_PORT": str(port_of(collector))}
    services = []
    if simulator := listeners.get("simulator"):
        port = port_of(simulator)
        to_collector["KRAKEN_URL"] = f"ws://127.0.0.1:{port}/v2"
        arguments = _simulator_arguments(settings, port)
        services.append(Service("simulator", arguments, shared, simulator))
    return [
        *services,
        Service("collector", [], to_collector, collector),
        Service("api", [], to_api, api),
    ]


def _simulator_arguments(settings: LauncherSettings, port: int) -> list[str]:
    arguments = ["--port", str(port), "--rate", str(SIMULATED_RATE)]
    if settings.selection.patterns:
        return arguments  # It lists its whole catalogue.
    # An old name is refused by the simulator, as by Kraken, when the collector asks for it.
    symbols = [s for s in settings.selection.names if normalize_symbol(s) == s.upper()]
    return [*arguments, "--symbols", ",".join(symbols) or DEFAULT_MARKET]
