"""The processes of a test: started with a real Redis, and ended together.

with Stage(folder) as stage:
    redis = stage.redis()
    simulator = stage.simulator("--rate", "100")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(redis.url)
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self, TypeVar

import httpx

from lab.fork_server import ForkServer
from lab.ports import free_port
from lab.process import Process
from lab.redis_proxy import RedisProxy
from lab.services import Api, Collector, SimulatorProcess
from lab.waiting import wait_for
from launcher.embedded_redis import EmbeddedRedis

T = TypeVar("T")
ProcessT = TypeVar("ProcessT", bound=Process)

OPEN_STAGES: list[Stage] = []
"""The open stages, whose logs are shown if a test fails."""


class Stage:
    """Starts a test's processes, and ends them with its context, the last started first.

    Args:
        folder: The folder for their logs, which is their working directory.
        fork_server: Starts the services; None for real `python -m` processes.

    """

    def __init__(self, folder: Path, fork_server: ForkServer | None = None) -> None:
        self._folder = folder
        self._fork_server = fork_server
        self._undo = ExitStack()
        self.services: list[Process] = []

    def __enter__(self) -> Self:
        OPEN_STAGES.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        OPEN_STAGES.remove(self)
        self._undo.close()

    def redis(self, port: int | None = None) -> EmbeddedRedis:
        """Start a real Redis."""
        return self._undo.enter_context(EmbeddedRedis(port))

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Enter a context; it ends after everything that is started later."""
        return self._undo.enter_context(context)

    def redis_proxy(self, redis: EmbeddedRedis, *, resets: bool = True) -> RedisProxy:
        """Start a proxy before a Redis that listens on a port."""
        assert redis.port, "the Redis was started without a port"
        return self._undo.enter_context(RedisProxy(redis.port, resets=resets))

    def undo(self, end: Callable[[], object]) -> None:
        """Call `end` when the stage ends."""
        self._undo.callback(end)

    def simulator(self, *arguments: str, port: int = 0) -> SimulatorProcess:
        """Start a simulator; return when it listens."""
        service = SimulatorProcess(
            "simulator",
            self._log("simulator"),
            ["simulator", "--port", str(port), *arguments],
            self._fork_server,
        )
        self._own(service)
        service.url = self.listening(service)
        if any(line.startswith("rest on ") for line in service.log.splitlines()):
            service.rest_url = self.listening(service, "rest on ")
        if "--control" in arguments:
            base = self.listening(service, "control on ")
            service.control = httpx.Client(
                base_url=base, timeout=20.0, trust_env=False, verify=False
            )
        return service

    def listening(self, simulator: SimulatorProcess, word: str = "listening on ") -> str:
        """Return the URL in the simulator's line that begins with `word`."""

        def listens() -> str | None:
            found = [line for line in simulator.log.splitlines() if line.startswith(word)]
            assert found or simulator.process.poll() is None, simulator.log
            return found[-1].removeprefix(word) if found else None

        return wait_for(listens, "the simulator listens")

    def collector(
        self, redis_url: str, kraken_url: str, *, module: str = "collector", **environment: str
    ) -> Collector:
        """Start a collector, or another `module` with its settings."""
        environment.setdefault("COLLECTOR_PORT", str(free_port()))
        return self._own(
            Collector(
                "collector",
                self._log("collector"),
                [module],
                int(environment["COLLECTOR_PORT"]),
                self._fork_server,
                REDIS_URL=redis_url,
                KRAKEN_URL=kraken_url,
                **environment,
            )
        )

    def venue_collector(
        self, redis_url: str, venue: str, simulator: SimulatorProcess, **environment: str
    ) -> Collector:
        """Start a collector of another venue than Kraken."""
        prefix = venue.upper()
        environment.setdefault("COLLECTOR_VENUE", venue)
        environment.setdefault(f"{prefix}_URL", simulator.url)
        environment.setdefault(f"{prefix}_REST_URL", simulator.rest_url)
        return self.collector(redis_url, "ws://127.0.0.1:1", **environment)

    def api(self, redis_url: str, *, module: str = "api", **environment: str) -> Api:
        """Start an api, or another `module` with its settings; return when it answers."""
        environment.setdefault("API_PORT", str(free_port()))
        api = self._own(
            Api(
                "api",
                self._log("api"),
                [module],
                int(environment["API_PORT"]),
                self._fork_server,
                REDIS_URL=redis_url,
                **environment,
            )
        )
        api.ops_port = int(environment.get("API_OPS_PORT", api.port))
        api.answers(api.ops_url("/healthz"))
        return api

    def program(self, module: str, *arguments: str, **environment: str) -> Process:
        """Start `python -m module` with these arguments."""
        return self.refused(module, *arguments, **environment)

    def refused(self, module: str, *arguments: str, **environment: str) -> Process:
        """Start a service that is expected to refuse its settings or arguments and end."""
        return self._own(
            Process(
                module,
                self._log(module),
                [module, *arguments],
                self._fork_server,
                **environment,
            )
        )

    def _own(self, service: ProcessT) -> ProcessT:
        self.services.append(service)
        self._undo.callback(service.close)
        return service

    def _log(self, name: str) -> Path:
        return self._folder / f"{len(self.services)}-{name}.log"
