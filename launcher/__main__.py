"""`python -m launcher`: run Redis, collector, api and, if needed, the simulator until Ctrl-C."""

from __future__ import annotations

import gc

from runtime.process import exit_at_stop_signals, hold_standard_descriptors, require_modules

if __name__ == "__main__":
    # Before the other imports, which may take seconds. Other programs use `loading` for this, but
    # these imports must also run if a test imports the module.
    exit_at_stop_signals()
    require_modules(
        "launcher", "pydantic_settings", "redis", "starlette", "structlog", "websockets"
    )
    gc.disable()

import asyncio
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from api.settings import ApiSettings
from kraken_book.errors import MissingExtra
from kraken_book.extras import require_extra
from kraken_book.redis_url import without_password
from kraken_book.selection import Selection, parse_selection
from kraken_book.symbols import symbol_of
from launcher.embedded_redis import EmbeddedRedis
from launcher.errors import CannotStartError
from launcher.feed import markets_are_simulated
from launcher.services import name_of, open_listeners, port_of, services_for
from launcher.settings import LauncherSettings, RunSettings, read_run_settings
from launcher.supervisor import Supervisor
from launcher.terminal import Welcome, print_line, welcome_when_ready
from runtime.command_line import ExitCodes, refuse_arguments
from runtime.listening import listen

REDIS_PING_TIMEOUT = 3.0

DESCRIPTION = """\
Runs Redis, api, a collector for each venue and, if a venue cannot be reached, its simulated
markets, until Ctrl-C.
The variables of the collector and the api apply too: see their --help. If REDIS_URL is not set,
a Redis server is started for this run. If API_PORT and COLLECTOR_PORT are not set, other ports
are used if the default ones are in use."""
EXIT_CODES: ExitCodes = {
    0: "stopped by SIGINT (Ctrl-C), SIGTERM or SIGHUP",
    1: "it cannot start, or a service has ended by itself; else the exit code of that service",
    2: "a setting or an argument is invalid, or a package is not installed",
}


def main() -> int:
    """Run all services; return the exit code."""
    gc.freeze()
    gc.enable()
    hold_standard_descriptors()
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the end
    refuse_arguments("launcher", DESCRIPTION, LauncherSettings, exit_codes=EXIT_CODES)
    try:
        return _run(read_run_settings())
    except CannotStartError as error:
        print_line(str(error))
        return 1


def _run(settings: RunSettings) -> int:
    if settings.replay is not None:
        _require_recording(settings.replay)
    listeners = open_listeners(settings)
    simulated = _simulated_venues(settings)
    for venue in simulated:
        listeners[name_of("simulator", venue, settings)] = listen("127.0.0.1", 0, "--port")
    with _redis(settings.redis_url) as (redis_url, embedded):
        supervisor = Supervisor(services_for(settings, redis_url, listeners))
        if embedded is not None:
            supervisor.watch("redis", embedded.process)
        port = port_of(listeners["api"])
        welcome = Welcome(
            host=settings.api.api_host,
            port=port,
            ops=_ops_address(settings.api, port),
            has_default_port=port == ApiSettings.model_fields["api_port"].default,
            selection=_selection_of(settings),
            redis_url=redis_url,
            feeds={venue: venue in simulated for venue in settings.venues},
            replay=settings.replay,
        )
        return supervisor.run(partial(welcome_when_ready, supervisor.log, welcome))


def _require_recording(path: Path) -> None:
    """Raise CannotStartError unless there are book files at the path, and pyarrow to read them."""
    try:
        require_extra("make run REPLAY", "recording")
    except MissingExtra as error:
        raise CannotStartError(str(error)) from None
    if not path.exists():
        raise CannotStartError(f"REPLAY={path}: there is no such file or folder")
    if path.is_dir() and not any(path.rglob("[!_]*.parquet")):
        raise CannotStartError(
            f"REPLAY={path}: there is no finished book file (*.parquet) in it; kraken-book record"
            " writes them"
        )


def _simulated_venues(settings: RunSettings) -> list[str]:
    """Return the venues whose markets are simulated; they are probed side by side."""
    if settings.replay is not None:
        return []
    with ThreadPoolExecutor() as probes:
        simulated = probes.map(
            lambda venue: markets_are_simulated(settings.feed, venue.name, venue.url),
            settings.followed,
        )
        return [venue for venue, is_so in zip(settings.venues, simulated, strict=True) if is_so]


def _selection_of(settings: RunSettings) -> Selection:
    """Return the books that there may be: those of the settings, or all of a recording."""
    if settings.replay is not None:
        return parse_selection("*")
    return parse_selection(
        ",".join(
            symbol_of(venue.name, part)
            for venue in settings.followed
            for part in (*venue.symbols.names, *venue.symbols.patterns)
        )
    )


def _ops_address(settings: ApiSettings, port: int) -> tuple[str, int]:
    """Return the address of the api's operator endpoints."""
    if settings.api_ops_port is None:
        return settings.api_host, port
    return settings.api_ops_host, settings.api_ops_port


@contextmanager
def _redis(url: str | None) -> Iterator[tuple[str, EmbeddedRedis | None]]:
    """Return a context with the URL of a Redis that answers, and the server if it was started."""
    if url is None:
        with EmbeddedRedis() as redis:
            yield redis.url, redis
    else:
        asyncio.run(_ping_redis(url))
        yield url, None


async def _ping_redis(url: str) -> None:
    # Imported here because redis-py is slow to import, and `--help` does not need it.
    from redis.exceptions import RedisError  # noqa: PLC0415

    from runtime.redis.client import connect_nodes  # noqa: PLC0415

    nodes = connect_nodes(url, timeout=REDIS_PING_TIMEOUT)
    try:
        await nodes.ping()
    except (RedisError, OSError) as error:
        raise CannotStartError(
            f"REDIS_URL={without_password(url)} does not answer ({error});"
            " if it is not set, make run starts a Redis server"
        ) from error
    finally:
        await nodes.aclose()


if __name__ == "__main__":
    sys.exit(main())
