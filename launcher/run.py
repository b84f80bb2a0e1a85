"""Redis, collector, api and, without Kraken, the simulator, until Ctrl-C."""

from __future__ import annotations

from functools import partial

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from launcher.errors import CannotStartError
from launcher.feed import markets_are_simulated
from launcher.ports import choose_port, free_port, require_port
from launcher.redis_source import redis_for
from launcher.services import services_for
from launcher.settings import LauncherSettings
from launcher.supervisor import Supervisor
from launcher.terminal import say
from launcher.welcome import welcome_when_ready
from service.settings import read_settings


def run() -> int:
    """Run everything; returns what to exit with."""
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
    if settings.api_port == settings.collector_port:
        raise CannotStartError(
            f"API_PORT and COLLECTOR_PORT are both {settings.api_port}: choose two different ones"
        )
    require_port(settings.api_host, settings.api_port, "API_PORT")
    collector_port = choose_port(
        settings.collector_host,
        settings.collector_port,
        "COLLECTOR_PORT",
        fixed=settings.given("collector_port"),
    )
    simulated = markets_are_simulated(settings)
    with redis_for(settings) as redis:
        supervisor = Supervisor()
        if redis.process is not None:
            supervisor.watch("redis", redis.process)
        simulator_port = free_port() if simulated else None
        for service in services_for(settings, redis.url, collector_port, simulator_port):
            supervisor.add(service)
        supervisor.loop(
            partial(welcome_when_ready, supervisor.say, settings, redis.url, simulated=simulated)
        )
        return int(supervisor.returncode)
