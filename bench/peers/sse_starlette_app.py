"""Redis to SSE with sse-starlette, as in its examples: a queue for each client.

One task reads the stream for all clients. It runs in `.venv-peers`, without our packages.

    python sse_starlette_app.py 3001 redis.sock STREAM
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import cast

import uvicorn
from redis.asyncio import Redis
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Event = tuple[str, str]
Reply = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]
_clients: set[asyncio.Queue[Event]] = set()


async def follow(redis: Redis, stream: str) -> None:
    """Put each event of the stream into the queue of every client."""
    last = b"$"
    while True:
        reply = await redis.xread({stream: last}, block=1000, count=1000)
        for _, entries in cast("Reply", reply):
            for event_id, fields in entries:
                last, event = event_id, (event_id.decode(), fields[b"data"].decode())
                for client in _clients:
                    client.put_nowait(event)


async def events() -> AsyncIterator[ServerSentEvent]:
    """Yield the events for one client."""
    queue: asyncio.Queue[Event] = asyncio.Queue()
    _clients.add(queue)
    try:
        while True:
            event_id, data = await queue.get()
            yield ServerSentEvent(data, id=event_id, sep="\n")
    finally:
        _clients.discard(queue)


async def subscribe(_request: Request) -> Response:
    """Respond with a stream of events."""
    answer: Response = EventSourceResponse(events(), sep="\n")
    return answer


def main(port: int, redis_socket: str, stream: str) -> None:
    """Serve."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        redis = Redis(unix_socket_path=redis_socket)
        following = asyncio.create_task(follow(redis, stream))
        yield
        following.cancel()

    app = Starlette(routes=[Route("/sub", subscribe)], lifespan=lifespan)
    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", log_level="warning"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
