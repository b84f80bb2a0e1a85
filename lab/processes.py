"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.ports import free_port as own_port
from lab.process import ROOT
from lab.process import Process as Service
from lab.services import Api, Collector, HttpService
from lab.services import SimulatorProcess as Simulator
from lab.sse.watch import StreamWatch as Watch
from lab.stage import OPEN_STAGES as ON_STAGE
from lab.stage import Stage
from lab.stored_books import StoredBooks as Streams
from lab.stored_books import wait_until_still
from lab.waiting import DEADLINE as LIMIT
from lab.waiting import wait_for as eventually

__all__ = [
    "LIMIT",
    "ON_STAGE",
    "ROOT",
    "Api",
    "Collector",
    "HttpService",
    "Service",
    "Simulator",
    "Stage",
    "Streams",
    "Watch",
    "eventually",
    "own_port",
    "wait_until_still",
]
