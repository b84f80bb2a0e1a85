"""A venue in this process, with a client of its session that needs no socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from simulator.faults.kinds import Lasting, OfVenue
from simulator.faults.text import parse_fault
from simulator.injector import FaultInjector
from simulator.protocols.rest import RestCall
from simulator.protocols.venue import SimulatedVenue
from simulator.server import Simulator
from tests.simulator.helpers import DEADLINE, unpack


class SilentLink:
    """The link of a client that keeps all texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.ended: tuple[int, str] | None = None

    def push(self, packed: bytes) -> None:
        self.texts.append(unpack(packed))

    async def drained(self) -> None:
        pass

    def end(self, code: int, reason: str) -> None:
        self.ended = (code, reason)

    def take(self) -> list[str]:
        taken, self.texts = self.texts, []
        return taken


class SessionClient:
    """A client's session, driven by hand."""

    def __init__(self, venue: SimulatedVenue, path: str = "/") -> None:
        self.venue = venue
        self.link = SilentLink()
        self.session = venue.open_session(self.link, 1, path)
        self.session.open()

    def ask(self, content: object) -> list[Any]:
        """Send a message; return the decoded answers."""
        self.session.receive(content if isinstance(content, str) else json.dumps(content))
        return self.frames()

    def frames(self) -> list[Any]:
        """Return the decoded frames since the last call."""
        return [json.loads(text) for text in self.link.take()]

    def admitted(self) -> list[Any]:
        """Let the markets send what they owe to new followers; return the frames."""
        # On a busy machine one call may not reach all waiting subscribers.
        for _ in range(100):
            if self.venue.exchange.admit():
                break
        return self.frames()

    def moved(self, symbol: str, times: int = 1) -> list[Any]:
        """Move a market; return the frames."""
        for _ in range(times):
            self.venue.exchange.move(symbol)
        return self.frames()


def get_json(venue: SimulatedVenue, target: str, status: int = 200) -> Any:
    """Return the JSON of a REST answer without a server."""
    answer = venue.answer(RestCall.parse(target))
    assert answer is not None
    assert answer.status == status
    return json.loads(answer.body)


class ServedVenue:
    """A venue behind a real port."""

    def __init__(
        self, venue: SimulatedVenue, simulator: Simulator, http: httpx.AsyncClient
    ) -> None:
        self.venue = venue
        self.simulator = simulator
        self.http = http
        self._injector = FaultInjector(simulator, venue)

    def do(self, text: str) -> None:
        """Apply a fault in the form of `--fault`."""
        name, _, query = text.partition("?")
        self._injector.inject(parse_fault(name, query))

    def client(self, path: str = "") -> connect:
        """Return a connection that buffers all frames without limit."""
        return connect(f"{self.simulator.url}{path}", max_size=None, max_queue=None)


@asynccontextmanager
async def served(venue: SimulatedVenue) -> AsyncIterator[ServedVenue]:
    async with Simulator(venue) as simulator:
        assert simulator.rest_url is not None
        async with httpx.AsyncClient(
            base_url=simulator.rest_url, trust_env=False, verify=False, timeout=DEADLINE
        ) as http:
            yield ServedVenue(venue, simulator, http)


async def next_json(client: ClientConnection) -> Any:
    return json.loads(await client.recv())


def inject(venue: SimulatedVenue, client: SessionClient, text: str) -> None:
    """Apply a fault without a server: to the market, or to this connection."""
    name, _, query = text.partition("?")
    fault = parse_fault(name, query)
    assert type(fault) in venue.faults, f"{venue.name} has no {name}"
    if not isinstance(fault, OfVenue):
        venue.exchange.inject(fault)  # type: ignore[arg-type]
        return
    venue.perform(fault)
    client.session.perform(fault)
    if isinstance(fault, Lasting):
        venue.active_faults.begin(fault)
