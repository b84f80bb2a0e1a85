"""The processes of a run: the sockets that they listen on, and their command lines.

The launcher opens the sockets, and the services inherit them. So no other program can take a port
between the check and the start.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collector.settings import FollowedVenue, usual_path
from kraken_book.symbols import KRAKEN, normalize_symbol
from launcher.errors import CannotStartError
from launcher.settings import RunSettings
from launcher.terminal import DEFAULT_SYMBOL, print_line
from runtime.listening import PortInUse, listen

# The number of ports after the default one that are tried before any free port.
MAX_NEXT_PORTS = 20
# The simulator's updates per second.
SIMULATED_RATE = 30


@dataclass(frozen=True)
class Service:
    """One process under the supervisor.

    Attributes:
        name: The name of the service, and of its package if `module` is empty.
        arguments: The arguments of its command line.
        environment: Variables in addition to those of the launcher.
        listener: The socket that the process inherits; None if it listens on none.
        module: The package to run if its name is not that of the service.
    """

    name: str
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    listener: socket.socket | None = None
    module: str = ""

    @property
    def command(self) -> list[str]:
        """The program and its arguments."""
        return [sys.executable, "-m", self.module or self.name, *self.arguments]


def services_for(
    settings: RunSettings, redis_url: str, listeners: Mapping[str, socket.socket]
) -> list[Service]:
    """Return the services of a run in the order of their start.

    Args:
        settings: The settings of the run.
        redis_url: The URL of Redis.
        listeners: The sockets by service; the simulator runs if it has one, and the collector
            unless a recording is replayed.
    """
    shared = {"REDIS_URL": redis_url, "LOG_FORMAT": settings.api.log_format or "console"}
    if sys.stdout.isatty():
        shared["FORCE_COLOR"] = "1"  # the services write to a pipe, and the launcher to a terminal
    api = listeners["api"]
    to_api = {**shared, "API_PORT": str(port_of(api))}
    if settings.replay is not None:
        return [
            _replay(settings.replay, settings.replay_speed, shared),
            Service("api", [], to_api, api),
        ]
    services: list[Service] = []
    for venue in settings.followed:
        services += _of_venue(venue, settings, shared, listeners)
    return [*services, Service("api", [], to_api, api)]


def name_of(program: str, venue: str, settings: RunSettings) -> str:
    """Return the name of a venue's collector or simulator; the first venue's has no suffix."""
    return program if venue == settings.venues[0] else f"{program}-{venue}"


def _of_venue(
    venue: FollowedVenue,
    settings: RunSettings,
    shared: Mapping[str, str],
    listeners: Mapping[str, socket.socket],
) -> Iterator[Service]:
    """Yield the simulator of a venue, if it has one, and its collector."""
    name = name_of("collector", venue.name, settings)
    collector = listeners[name]
    environment = {
        **shared,
        "COLLECTOR_VENUE": venue.name,
        "COLLECTOR_PORT": str(port_of(collector)),
    }
    simulator_name = name_of("simulator", venue.name, settings)
    if simulator := listeners.get(simulator_name):
        port = port_of(simulator)
        prefix = venue.name.upper()
        environment[f"{prefix}_URL"] = f"ws://127.0.0.1:{port}{usual_path(venue.name)}"
        if venue.rest_url:
            environment[f"{prefix}_REST_URL"] = f"http://127.0.0.1:{port}"
        arguments = _simulator_arguments(venue, port)
        yield Service(simulator_name, arguments, dict(shared), simulator, "simulator")
    yield Service(name, [], environment, collector, "collector")


def _replay(path: Path, speed: str, environment: dict[str, str]) -> Service:
    # The path comes last, because it may begin with a hyphen.
    arguments = ["replay", "--loop", "--speed", speed, "--", str(path)]
    return Service("replay", arguments, environment, module="kraken_book")


def _simulator_arguments(venue: FollowedVenue, port: int) -> list[str]:
    arguments = ["--venue", venue.name, "--port", str(port), "--rate", str(SIMULATED_RATE)]
    selection = venue.symbols
    if selection.patterns:
        return arguments  # the simulator offers its whole catalogue
    if venue.name != KRAKEN:
        return [*arguments, "--symbols", ",".join(selection.names)]
    # Old names are left out: the simulator refuses the collector's subscription, as Kraken does.
    symbols = [symbol for symbol in selection.names if normalize_symbol(symbol) == symbol.upper()]
    return [*arguments, "--symbols", ",".join(symbols) or DEFAULT_SYMBOL]


def open_listeners(settings: RunSettings) -> dict[str, socket.socket]:
    """Return the sockets of the api and the collector by service, or of the api for a replay.

    Raises:
        CannotStartError: An address cannot be listened on, or both ports are set to the same one.
    """
    api, collector = settings.api, settings.collector
    wanted = [
        ("api", api.api_host, api.api_port, api.is_given("api_port")),
        (
            "collector",
            collector.collector_host,
            collector.collector_port,
            collector.is_given("collector_port"),
        ),
    ]
    if api.api_port == collector.collector_port and all(fixed for *_, fixed in wanted):
        raise CannotStartError(
            f"API_PORT and COLLECTOR_PORT are both {api.api_port}: set two different ports"
        )
    if settings.replay is not None:
        wanted = wanted[:1]
    else:
        # The first venue's collector has the port of the settings.
        others = (name_of("collector", venue, settings) for venue in settings.venues[1:])
        wanted += [(name, "127.0.0.1", 0, False) for name in others]
    # Ports that are set come first, so that a default port cannot move to one of them.
    wanted.sort(key=lambda each: not each[-1])
    return {
        service: open_listener(host, port, f"{service.upper()}_PORT", fixed=fixed)
        for service, host, port, fixed in wanted
    }


def open_listener(host: str, port: int, variable: str, *, fixed: bool) -> socket.socket:
    """Return a socket that listens on `port`, or on another if it is in use and not `fixed`.

    Args:
        host: The address to listen on.
        port: The preferred port.
        variable: The environment variable of the port.
        fixed: Whether the variable is set, so that no other port may be used.

    Raises:
        CannotStartError: The address cannot be listened on, or the fixed port is in use.
    """
    try:
        return listen(host, port, variable)
    except PortInUse as error:
        refusal = error
    if not refusal.in_use:
        raise CannotStartError(f"port {port} on {host} cannot be used ({refusal.reason})")
    other = _listen_on_next(host, port, variable)
    number = port_of(other)
    if fixed:
        other.close()
        raise CannotStartError(
            f"port {port} on {host} is in use; choose another: make run {variable}={number}"
        )
    print_line(f"port {port} on {host} is in use: using {variable}={number}")
    return other


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    number: int = listener.getsockname()[1]
    return number


def _listen_on_next(host: str, port: int, variable: str) -> socket.socket:
    for other in range(port + 1, min(port + MAX_NEXT_PORTS, 65_535) + 1):
        try:
            return listen(host, other, variable)
        except PortInUse:
            continue
    return listen(host, 0, variable)
