"""The processes of a run: the sockets that they listen on, and how each is started.

The sockets are opened before anything starts, and inherited. So no other program can take a port
between the look and the start.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from kraken_book.symbols import normalize_symbol
from launcher.errors import CannotStartError
from launcher.settings import RunSettings
from launcher.terminal import DEFAULT_MARKET, say
from runtime.listening import PortInUse, listen

# After the usual port these many are tried; then any.
NEIGHBOURS = 20
# Updates a second of the simulator.
SIMULATED_RATE = 30


@dataclass(frozen=True)
class Service:
    """One process under the supervisor.

    Attributes:
        name: Its name, and the package that `python -m` is given.
        arguments: Its command line.
        environment: Variables on top of the launcher's own.
        listener: The socket that it is to listen on.

    """

    name: str
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    listener: socket.socket | None = None

    @property
    def command(self) -> list[str]:
        """The program and its arguments."""
        return [sys.executable, "-m", self.name, *self.arguments]


def services_for(
    settings: RunSettings, redis_url: str, listeners: Mapping[str, socket.socket]
) -> list[Service]:
    """Return every service of a run, in the order to start them.

    Args:
        settings: What was asked for.
        redis_url: Where Redis is.
        listeners: The services' sockets by name; one for the simulator adds it.

    """
    shared = {"REDIS_URL": redis_url, "LOG_FORMAT": settings.api.log_format or "console"}
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


def _simulator_arguments(settings: RunSettings, port: int) -> list[str]:
    arguments = ["--port", str(port), "--rate", str(SIMULATED_RATE)]
    selection = settings.collector.kraken_symbols
    if selection.patterns:
        return arguments  # It lists its whole catalogue.
    # An old name is refused by the simulator, as by Kraken, when the collector asks for it.
    symbols = [symbol for symbol in selection.names if normalize_symbol(symbol) == symbol.upper()]
    return [*arguments, "--symbols", ",".join(symbols) or DEFAULT_MARKET]


def open_listeners(settings: RunSettings) -> dict[str, socket.socket]:
    """Return the sockets of the api and the collector by service.

    Raises:
        CannotStartError: If a port that somebody asked for cannot be had.

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
            f"API_PORT and COLLECTOR_PORT are both {api.api_port}: choose two different ones"
        )
    # A port that somebody asked for comes before one that may be another.
    wanted.sort(key=lambda each: not each[-1])
    return {
        service: open_listener(host, port, f"{service.upper()}_PORT", fixed=fixed)
        for service, host, port, fixed in wanted
    }


def open_listener(host: str, port: int, variable: str, *, fixed: bool) -> socket.socket:
    """Return a socket that listens on `port`, or, if it is in use and not `fixed`, on another.

    Args:
        host: The address to listen on.
        port: The port that is wanted.
        variable: The setting that names the port.
        fixed: Whether somebody asked for this very port.

    Raises:
        CannotStartError: If the address cannot be listened on.

    """
    try:
        return listen(host, port, variable)
    except PortInUse as error:
        taken = error
    if not taken.in_use:
        raise CannotStartError(f"port {port} on {host} cannot be used ({taken.reason})")
    other = _next_free(host, port, variable)
    number = port_of(other)
    if fixed:
        other.close()
        raise CannotStartError(
            f"port {port} on {host} is in use; choose another: make run {variable}={number}"
        )
    say(f"port {port} on {host} is in use: using {variable}={number}")
    return other


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    number: int = listener.getsockname()[1]
    return number


def _next_free(host: str, port: int, variable: str) -> socket.socket:
    for other in range(port + 1, min(port + NEIGHBOURS, 65_535) + 1):
        try:
            return listen(host, other, variable)
        except PortInUse:
            continue
    return listen(host, 0, variable)
