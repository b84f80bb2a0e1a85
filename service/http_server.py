"""An ASGI application served beside a service's other tasks, ended by the service itself.

uvicorn's own signal handling is off: at SIGTERM it waits for open streams before it tells the
application, so a service drains its streams from the signal and ends the server afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import sys
from collections.abc import Callable, Generator
from typing import NoReturn

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.listening import PortInUse, listen
from service.printable import printable

__all__ = ["PortInUse", "allow_open_files", "exit_with", "listen", "serve"]

MOST_OPEN_FILES = 1_000_000


def allow_open_files() -> int:
    """Let this process have as many sockets as the system lets it; returns how many.

    What a process is given at first is often 1,024, or 256: for programs of another age.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Where there is no limit, or where macOS says so and means another, as many as anyone needs.
    wanted = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    grace: Callable[[], float] = lambda: 1.0,
    protocol: type[asyncio.Protocol] = HttpToolsProtocol,
) -> None:
    """Serve `app` on `listener` until `stop`; then open answers have `grace` seconds to end.

    `grace` is asked when it stops.
    """
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    # Whole seconds by its type; it is only waited for so long.
    config.timeout_graceful_shutdown = grace()  # type: ignore[assignment]
    server.should_exit = True
    await running


def exit_with(error: Exception) -> NoReturn:
    """End the process with one line that says what is wrong."""
    print(printable(str(error)), file=sys.stderr)  # noqa: T201 - for who started it, beside the log
    sys.exit(1)
