"""An ASGI application served beside a service's other tasks, ended by the service itself.

uvicorn's own signal handling is off: at SIGTERM it waits for open streams before it tells the
application, so a service drains its streams from the signal and ends the server afterwards. Its
trust in `X-Forwarded-For` is off too: it would follow the environment (FORWARDED_ALLOW_IPS).
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import sys
from collections.abc import Callable
from functools import partial
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
# How long applications may take to end after their clients are cut off at a stop.
ABORT_TIMEOUT = 0.2


def allow_open_files() -> int:
    """Raise this process's limit of open files as far as the system permits; return it.

    The first limit of a process is often 1,024, or 256.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS may say that there is no limit, and still have one.
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
) -> None:
    """Serve `app` on `listener` until `stop`.

    Args:
        app: The application.
        listener: The listening socket, which is closed at the end.
        stop: Ends the server.
        grace: How many seconds open answers then have to end; called once, after `stop`.
        protocol: What becomes of each connection.
        limits: What a client may take.

    """
    connections = Connections(limits or HttpLimits())
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
    looking = asyncio.create_task(connections.look_after())
    running = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    # Looking ends only by an error, which must not go unnoticed.
    await asyncio.wait({running, stopping, looking}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    left = grace()
    aborting = asyncio.get_running_loop().call_later(left, connections.abort_all)
    # After that time uvicorn cancels what still runs, with a trace in the log, so what waits for
    # clients ends a little earlier.
    set_shutdown_timeout(config, left + ABORT_TIMEOUT)
    server.should_exit = True
    await running
    aborting.cancel()
    await end_tasks([looking])


def exit_with(error: Exception) -> NoReturn:
    """End the process with one line on standard error that says what is wrong."""
    print(printable(str(error)), file=sys.stderr)  # noqa: T201 - for who started it, beside the log
    sys.exit(1)
