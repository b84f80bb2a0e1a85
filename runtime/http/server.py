"""Serve an ASGI application as one task of a service, which decides when it ends.

uvicorn's signal handling is off: at SIGTERM it would wait for open streams before the application
hears of it. The service drains its streams first and stops the server afterwards. uvicorn's proxy
headers are off too, because the environment could turn trust in them on (FORWARDED_ALLOW_IPS).
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import sys
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, NoReturn, cast

import uvicorn
from starlette.types import ASGIApp

from runtime.http.connections import Connections
from runtime.http.limits import HttpLimits
from runtime.http.protocol import HttpProtocol
from runtime.http.uvicorn_internals import UvicornServer, set_shutdown_timeout
from runtime.listening import PortInUse, listen
from runtime.printable import printable
from runtime.service import end_tasks

__all__ = ["PortInUse", "allow_open_files", "exit_with", "listen", "serve"]

MAX_OPEN_FILES = 1_000_000
# The time in which applications must end after their connections are aborted at a stop.
ABORT_TIMEOUT = 0.2


def allow_open_files() -> int:
    """Raise the limit of open files of this process, which is often only 1,024 or 256.

    Returns:
        The new limit, at most the system's hard limit and `MAX_OPEN_FILES`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS may report that there is no limit and still have one.
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    grace: Callable[[], float] = lambda: 1.0,
    protocol: type[HttpProtocol] = HttpProtocol,
    limits: HttpLimits | None = None,
    clock: Callable[[], float] = monotonic,
) -> None:
    """Serve `app` on `listener` until `stop` is set.

    Args:
        app: The application.
        listener: The listening socket, which is closed at the end.
        stop: The event that stops the server.
        grace: Returns the seconds in which open answers must end; called once, after `stop`.
        protocol: The class of connections.
        limits: The limits of each client.
        clock: Returns monotonic seconds, for the limits.
    """
    connections = Connections(limits or HttpLimits(), clock=clock)
    config = uvicorn.Config(
        app,
        http=cast("Any", partial(protocol, connections=connections)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=connections.backlog,
    )
    server = UvicornServer(config)
    sweeping = asyncio.create_task(connections.sweep_forever())
    running = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    # `sweeping` ends only with an error, which `end_tasks` raises.
    await asyncio.wait({running, stopping, sweeping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    seconds = grace()
    aborting = asyncio.get_running_loop().call_later(seconds, connections.abort_all)
    # uvicorn cancels applications that still run after its timeout, and logs a traceback. So
    # connections are aborted a little earlier.
    set_shutdown_timeout(config, seconds + ABORT_TIMEOUT)
    server.should_exit = True
    await running
    aborting.cancel()
    await end_tasks([sweeping])


def exit_with(error: Exception, code: int = 1) -> NoReturn:
    """Print the error in one line on standard error, and exit with `code`."""
    print(printable(str(error)), file=sys.stderr)  # noqa: T201 - a failed start, not for the log
    sys.exit(code)
