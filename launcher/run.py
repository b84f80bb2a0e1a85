"""Redis, collector, api and, without Kraken, the simulator, until Ctrl-C."""

from __future__ import annotations

import os
import socket
import sys
from functools import partial
from pathlib import Path

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from launcher.errors import CannotStartError
from launcher.feed import markets_are_simulated
from launcher.ports import open_listener, port_of
from launcher.redis_source import redis_for
from launcher.services import services_for
from launcher.settings import LauncherSettings
from launcher.supervisor import Supervisor
from launcher.terminal import say
from launcher.welcome import welcome_when_ready
from runtime.command_line import refuse_arguments
from runtime.listening import listen
from runtime.process import hold_standard_descriptors
from runtime.settings import read_settings

WHAT = """\
Runs Redis, collector, api and, without Kraken, simulated markets, until Ctrl-C.
The variables of the collector and the api count, too: see their --help."""


def run() -> int:
    """Run everything; return what to exit with."""
    hold_standard_descriptors()
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the end
    refuse_arguments("launcher", WHAT, LauncherSettings)
    try:
        settings = read_settings(LauncherSettings)
        # Each service checks its own too; here nothing has been started yet.
        read_settings(CollectorSettings)
        read_settings(ApiSettings)
        return _run(settings)
    except CannotStartError as error:
        say(str(error))
        return 1


def _run(settings: LauncherSettings) -> int:
    listeners = open_listeners(settings)
    simulated = markets_are_simulated(settings)
    if simulated:
        listeners["simulator"] = listen("127.0.0.1", 0, "--port")
    settings = settings.model_copy(update={"api_port": port_of(listeners["api"])})
    with redis_for(settings) as redis:
        supervisor = Supervisor()
        if redis.process is not None:
            supervisor.watch("redis", redis.process)
        for service in services_for(settings, redis.url, listeners):
            supervisor.add(service)
        supervisor.loop(
            partial(welcome_when_ready, supervisor.say, settings, redis.url, simulated=simulated)
        )
        return int(supervisor.returncode)


def open_listeners(settings: LauncherSettings) -> dict[str, socket.socket]:
    """Return the sockets of the api and the collector by service; raises CannotStartError."""
    wanted = [
        (service, host, port, f"{service}_port")
        for service, host, port in (
            ("api", settings.api_host, settings.api_port),
            ("collector", settings.collector_host, settings.collector_port),
        )
    ]
    if settings.api_port == settings.collector_port and all(
        settings.given(setting) for *_, setting in wanted
    ):
        raise CannotStartError(
            f"API_PORT and COLLECTOR_PORT are both {settings.api_port}: choose two different ones"
        )
    # A port that somebody asked for comes before one that may be another.
    wanted.sort(key=lambda each: not settings.given(each[-1]))
    return {
        service: open_listener(host, port, setting.upper(), fixed=settings.given(setting))
        for service, host, port, setting in wanted
    }
