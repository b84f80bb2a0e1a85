"""One client that sends all that it can: pipelined requests, large answers, streams, resumes.

It is a process of its own, with an address of its own (127.0.0.2), and reads what it gets.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ADDRESS = "127.0.0.2"
PIPELINED = 300
READ_BYTES = 65536


def _get(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


async def _flood(port: int, request: bytes, pipelined: int) -> None:
    """Send requests on one connection, as many at once as are allowed; open it again if closed."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(ADDRESS, 0)
            )
            discarding = asyncio.create_task(_discard(reader))
            try:
                while not discarding.done():
                    writer.write(request * pipelined)
                    await writer.drain()
            finally:
                discarding.cancel()
                writer.transport.abort()
        await asyncio.sleep(0.01)


async def _discard(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(READ_BYTES):
            pass


async def _open_streams(port: int, request: bytes) -> None:
    """Open a stream, read its beginning, leave it, and open the next one."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(ADDRESS, 0)
            )
            writer.write(request)
            await reader.read(READ_BYTES)
            writer.transport.abort()
        await asyncio.sleep(0)


async def _attack(port: int, symbol: str, first_id: str) -> None:
    book = symbol.replace("/", "%2F")
    resume = _get(f"/stream/{book}", f"Last-Event-ID: {first_id}")
    async with asyncio.TaskGroup() as tasks:
        for path, pipelined, connections in (
            (f"/depth/{book}", 20, 8),
            ("/books", 10, 4),
            ("/metrics", PIPELINED, 2),
        ):
            for _ in range(connections):
                tasks.create_task(_flood(port, _get(path), pipelined))
        for request in (resume, _get(f"/stream/{book}"), _get("/stream?symbols=*")):
            for _ in range(4):
                tasks.create_task(_open_streams(port, request))


def _run(port: int, symbol: str, first_id: str) -> None:
    asyncio.run(_attack(port, symbol, first_id))


@contextmanager
def hostile_client(port: int, symbol: str, first_id: str) -> Iterator[None]:
    """Attack an api until the context ends.

    Args:
        port: The api's port.
        symbol: A book.
        first_id: The id of the first event of its stream, to resume from.

    Yields:
        Nothing.
    """
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(port, symbol, first_id), daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()
