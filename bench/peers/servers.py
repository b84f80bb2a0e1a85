"""The servers of the fan-out suites, each with its publisher."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load.market_events import SYMBOL, MarketEvents
from bench.load.publishers import EventPublisher, RedisPublisher
from bench.peers.nchan import PATH as NCHAN_PATH
from bench.peers.nchan import NchanPublisher, start_nchan
from bench.peers.process import PEERS_PYTHON, NotInstalled, PeerProcess
from kraken_book.contract.keys import events_key
from lab.ports import free_port
from lab.stage import Stage
from launcher.embedded_redis import EmbeddedRedis

_APP = Path(__file__).with_name("sse_starlette_app.py")


@dataclass(frozen=True)
class Server:
    """A running server: its stream, its publisher, its processes, its CPU and its memory."""

    port: int
    path: str
    publisher: EventPublisher
    cpu_seconds: Callable[[], float]
    pids: Sequence[int]
    redis_pids: Sequence[int] = ()
    memory: Callable[[], int] | None = None
    redis_socket: Path | None = None


Start = Callable[[MarketEvents], AbstractContextManager[Server]]
"""Starts a server whose book is the events' snapshot; raises NotInstalled if it is missing."""


@contextmanager
def api(events: MarketEvents) -> Iterator[Server]:
    """Start the api: one process, with its own Redis."""
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        publisher = stage.enter(closing(RedisPublisher(redis.socket_path, events.epoch)))
        publisher.begin(events)
        served = stage.api(redis.url, LOG_LEVEL="error", API_MAX_AGE="3600")
        served.wait_until_live(SYMBOL)
        path = f"/stream/{SYMBOL.replace('/', '-')}"
        yield Server(
            served.port,
            path,
            publisher,
            served.cpu_seconds,
            [served.process.pid],
            [redis.process.pid],
            served.memory,
            redis.socket_path,
        )


@contextmanager
def nchan(_events: MarketEvents) -> Iterator[Server]:
    """Start Debian's nginx with nchan: one process, which receives events over HTTP."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        start_nchan(Path(folder), port) as served,
        closing(NchanPublisher(port)) as publisher,
    ):
        yield Server(port, NCHAN_PATH, publisher, served.cpu_seconds, served.pids)


@contextmanager
def sse_starlette(events: MarketEvents) -> Iterator[Server]:
    """Start an application of sse-starlette: one process, with its own Redis."""
    if not PEERS_PYTHON.is_file():
        raise NotInstalled("sse-starlette: make peers")
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        redis = undo.enter_context(EmbeddedRedis())
        publisher = undo.enter_context(closing(RedisPublisher(redis.socket_path, events.epoch)))
        publisher.begin(events)
        port, stream = free_port(), events_key(SYMBOL)
        command = [str(PEERS_PYTHON), str(_APP), str(port), str(redis.socket_path), stream]
        served = undo.enter_context(PeerProcess(command, port, folder / "app.log", {}))
        pids = served.pids
        yield Server(port, "/sub", publisher, served.cpu_seconds, pids, [redis.process.pid])
