"""The services as processes, as their users start them, with a real Redis; none outlives its stage.

with Stage(folder) as stage:
    redis = stage.redis()
    simulator = stage.simulator("--rate", "100")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(redis.url)
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from lab.follower import Ladder, SseStream, ladder_of_dump, stream_path
from lab.redis_proxy import RedisProxy
from launcher.embedded_redis import EmbeddedRedis
from runtime.process import die_with_parent

ROOT = Path(__file__).resolve().parents[1]

# Long enough for two cores that others use too; a test that passes never waits so long.
LIMIT = 40.0
# Often at first; then less, because each look costs the services that are looked at.
_POLL_SECONDS = (0.01, 0.1)
_POLL_GROWTH = 1.3

# Below the range from which the kernel takes ports for outgoing connections.
_PORTS = range(20_000, 32_000)

T = TypeVar("T")


def eventually(ask: Callable[[], T | None], what: str, limit: float = LIMIT) -> T:
    """The first answer that is true; AssertionError if there is none in time."""
    deadline = time.monotonic() + limit
    pause, longest = _POLL_SECONDS
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {limit:g} s: {what}; last: {answer!r}"
        time.sleep(pause)
        pause = min(pause * _POLL_GROWTH, longest)


def own_port() -> int:
    """A port that is free and stays so until its service is started."""
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


class Service:
    """One process of ours; its output goes to a file."""

    def __init__(self, name: str, log: Path, arguments: Iterable[str], **environment: str) -> None:
        self.name = name
        self._log_path = log
        self._command = [sys.executable, "-m", *arguments]
        # Nothing of the environment or the .env of whoever runs the tests.
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "LOG_FORMAT": "json",
            **environment,
        }
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log_path.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._log_path.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                preexec_fn=_lifeline(),  # noqa: PLW1509 - see there
            )

    @property
    def log(self) -> str:
        """All that it has printed, over every restart."""
        return self._log_path.read_text(errors="replace")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log that say `event`."""
        lines = _json_lines(self.log, containing=json.dumps(event))
        return [line for line in lines if line.get("event") == event]

    def wait_for_line(self, event: str, count: int = 1, **facts: object) -> dict[str, Any]:
        """The last of `count` lines that say `event` with these facts, once they are there."""

        def said() -> dict[str, Any] | None:
            found = [line for line in self.lines(event) if facts.items() <= line.items()]
            if len(found) < count:
                assert self.process.poll() is None, f"{self.name} ended\n{self.log}"
            return found[-1] if len(found) >= count else None

        return eventually(said, f"{self.name} says {event!r} {facts}")

    def wait_for_end(self, limit: float = LIMIT) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {limit:g} s") from None

    def stop(self, number: signal.Signals = signal.SIGTERM, limit: float = LIMIT) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(number)
        return self.wait_for_end(limit)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Let it hang."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start it again, after its end, as it was started."""
        assert self.process.poll() is not None, f"{self.name} still runs"
        self.process = self._start()

    def cpu_seconds(self) -> float:
        """What the process has had of the CPU; Linux alone tells."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """The bytes that the process has in memory; Linux alone tells."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Simulator(Service):
    """`python -m simulator`; `control` is None unless it was asked for."""

    url = ""
    control: httpx.Client | None = None

    def fault(self, text: str) -> None:
        """Let something go wrong, as `corrupt?symbol=BTC/USD`; see docs/simulator.md."""
        self._controlled("POST", f"/faults/{text}")

    def faults_on(self) -> list[dict[str, Any]]:
        """What lasts, and what waits for its turn."""
        found: list[dict[str, Any]] = self._controlled("GET", "/faults").json()["on"]
        return found

    def lift_faults(self) -> None:
        """End all that lasts."""
        self._controlled("DELETE", "/faults")

    def book(self, symbol: str, depth: int = 10) -> dict[str, Any]:
        """The market's own book."""
        found: dict[str, Any] = self._controlled("GET", f"/books/{symbol}?depth={depth}").json()
        return found

    def connections(self) -> dict[str, Any]:
        """How many connections are open and were, and what was asked on them."""
        found: dict[str, Any] = self._controlled("GET", "/connections").json()
        return found

    def _controlled(self, method: str, path: str) -> httpx.Response:
        assert self.control is not None, "it was started without --control"
        answer = self.control.request(method, path)
        assert answer.status_code == 200, answer.text
        return answer

    def close(self) -> None:
        """End it, whatever it does."""
        super().close()
        if self.control is not None:
            self.control.close()


class HttpService(Service):
    """A service that answers HTTP on a port of its own."""

    def __init__(
        self, name: str, log: Path, arguments: Iterable[str], port: int, **environment: str
    ) -> None:
        super().__init__(name, log, arguments, **environment)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        # No connection is kept: a service that restarts would break it.
        self.http = httpx.Client(
            base_url=self.url,
            timeout=20.0,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            verify=False,
        )

    def get(self, path: str, **options: Any) -> httpx.Response:
        """The answer to a GET."""
        return self.http.get(path, **options)

    def answers(self, path: str, status: int = 200, **options: Any) -> httpx.Response:
        """The first answer of that status."""

        def answered() -> httpx.Response | None:
            assert self.process.poll() is None, f"{self.name} ended\n{self.log}"
            try:
                response = self.get(path, **options)
            except httpx.TransportError:
                return None
            return response if response.status_code == status else None

        return eventually(answered, f"{self.name} answers {path} with {status}")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 where there is none."""
        # Parsed alone: all that there is would take longer than to fetch it.
        lines = [each for each in self.get("/metrics").text.splitlines() if each.startswith(name)]
        return sum(
            sample.value
            for family in text_string_to_metric_families("\n".join(lines) + "\n")
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def close(self) -> None:
        """End it, whatever it does."""
        super().close()
        self.http.close()


class Collector(HttpService):
    """`python -m collector`."""

    def live(self) -> int:
        """How many of its books are verified and followed; 0 while it does not answer."""
        try:
            return int(self.get("/healthz").json()["symbols"].get("live", 0))
        except httpx.TransportError:
            return 0

    def wait_until_live(self, symbols: int) -> None:
        """Return once so many books are live and published."""

        def all_live() -> bool | None:
            assert self.process.poll() is None, f"{self.name} ended\n{self.log}"
            return self.live() == symbols or None

        eventually(all_live, f"{symbols} books are live")


class Api(HttpService):
    """`python -m api`."""

    def stream(self, symbol: str, **headers: str) -> SseStream:
        """An open stream; `Last_Event_ID` is written with dashes."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return SseStream(self.url, stream_path(symbol), names)

    def watch(self, symbol: str, **headers: str) -> Watch:
        """A reader of a stream, who runs beside the test."""
        return Watch(self.stream(symbol, **headers), symbol)

    def wait_until_live(self, *symbols: str) -> None:
        """Return once it serves these books, fresh."""
        for symbol in symbols:
            self.answers(f"/depth/{symbol}")


class Stage:
    """Where a test's processes run; all end with it, the last started first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._undo = ExitStack()
        self.services: list[Service] = []

    def __enter__(self) -> Self:
        ON_STAGE.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        ON_STAGE.remove(self)
        self._undo.close()

    def redis(self, port: int | None = None) -> EmbeddedRedis:
        """A real Redis that runs."""
        return self._undo.enter_context(EmbeddedRedis(port))

    def enter(self, context: AbstractContextManager[T]) -> T:
        """What `context` opens; it is closed after all that was started later."""
        return self._undo.enter_context(context)

    def redis_proxy(self, redis: EmbeddedRedis, *, resets: bool = True) -> RedisProxy:
        """A proxy before a Redis that listens on a port."""
        assert redis.port, "it was started without a port"
        return self._undo.enter_context(RedisProxy(redis.port, resets=resets))

    def undo(self, end: Callable[[], object]) -> None:
        """Call `end` at the end."""
        self._undo.callback(end)

    def simulator(self, *arguments: str, port: int = 0) -> Simulator:
        """A simulator that listens."""
        service = Simulator(
            "simulator",
            self._log("simulator"),
            ["simulator", "--port", str(port), *arguments],
        )
        self._own(service)
        service.url = self.listening(service)
        if "--control" in arguments:
            base = self.listening(service, "control on ")
            service.control = httpx.Client(base_url=base, timeout=20.0, trust_env=False)
        return service

    def listening(self, simulator: Simulator, word: str = "listening on ") -> str:
        """Where a simulator listens, once it does, as the line says that begins with `word`."""

        def listens() -> str | None:
            said = [line for line in simulator.log.splitlines() if line.startswith(word)]
            assert said or simulator.process.poll() is None, simulator.log
            return said[-1].removeprefix(word) if said else None

        return eventually(listens, "the simulator listens")

    def collector(
        self, redis_url: str, kraken_url: str, *, module: str = "collector", **environment: str
    ) -> Collector:
        """A collector that was started, or one of another `module`."""
        environment.setdefault("COLLECTOR_PORT", str(own_port()))
        return self._own(
            Collector(
                "collector",
                self._log("collector"),
                [module],
                int(environment["COLLECTOR_PORT"]),
                REDIS_URL=redis_url,
                KRAKEN_URL=kraken_url,
                **environment,
            )
        )

    def api(self, redis_url: str, *, module: str = "api", **environment: str) -> Api:
        """An api that answers, or one of another `module`."""
        environment.setdefault("API_PORT", str(own_port()))
        api = self._own(
            Api(
                "api",
                self._log("api"),
                [module],
                int(environment["API_PORT"]),
                REDIS_URL=redis_url,
                **environment,
            )
        )
        api.answers("/healthz")
        return api

    def refused(self, module: str, **environment: str) -> Service:
        """A service that is expected to end by itself."""
        return self._own(Service(module, self._log(module), [module], **environment))

    def _own(self, service: ServiceT) -> ServiceT:
        self.services.append(service)
        self._undo.callback(service.close)
        return service

    def _log(self, name: str) -> Path:
        return self._folder / f"{len(self.services)}-{name}.log"


ServiceT = TypeVar("ServiceT", bound=Service)

ON_STAGE: list[Stage] = []
"""The stages that are open now, for who shows the logs of a test that failed."""


class Watch:
    """A reader of one stream beside the test, who checks every event and keeps it."""

    def __init__(self, stream: SseStream, symbol: str) -> None:
        self.ladder = Ladder(symbol)
        self.events: list[dict[str, Any]] = []
        self.ids: list[str | None] = []
        self.farewell: int | None = None
        self.ended = threading.Event()
        self._stream = stream
        self._error: BaseException | None = None
        self._left = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while (message := self._stream.next()) is not None:
                if message.retry is not None:
                    self.farewell = message.retry
                if message.data:
                    event = message.event
                    self.ladder.take(event)
                    self.ids.append(message.id)
                    self.events.append(event)
        except Exception as error:  # noqa: BLE001 - told by `check`, whatever it is
            if not self._left:
                self._error = error
        finally:
            self.ended.set()

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._error is not None:
            raise AssertionError(f"the stream of {self.ladder}") from self._error

    def wait_for(self, holds: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The first event, of those not yet waited for, for which it holds."""
        seen = 0

        def found() -> dict[str, Any] | None:
            nonlocal seen
            self.check()
            while seen < len(self.events):
                seen += 1
                if holds(self.events[seen - 1]):
                    return self.events[seen - 1]
            return None

        return eventually(found, f"{self.ladder} gets {what}")

    def wait_for_seq(self, seq: int) -> None:
        """Return once it has come so far."""
        self.wait_for(lambda event: (event.get("seq") or 0) >= seq, f"seq {seq}")

    def leave(self) -> None:
        """Go away, as a client that is closed does."""
        self._left = True
        self._stream.let_go()
        self._thread.join()
        self._stream.close()


class Streams:
    """The streams and hashes of books, as they lie in Redis."""

    def __init__(self, url: str) -> None:
        self.client = Redis.from_url(url, decode_responses=True)

    def close(self) -> None:
        """Leave."""
        self.client.close()

    def entries(self, symbol: str, after: str = "-") -> list[tuple[str, dict[str, str]]]:
        """The entries of a symbol's stream, all or those after an id."""
        first = after if after == "-" else f"({after}"
        found: Any = self.client.xrange(f"kraken:events:{{{symbol}}}", first, "+")
        return [(entry_id, fields) for entry_id, fields in found]

    def events(self, symbol: str, after: str = "-") -> list[dict[str, Any]]:
        """The events of a symbol's stream."""
        return [json.loads(fields["data"]) for _, fields in self.entries(symbol, after)]

    def last_id(self, symbol: str) -> str:
        """The id of the newest event; "-" where there is none."""
        newest: Any = self.client.xrevrange(f"kraken:events:{{{symbol}}}", count=1)
        return str(newest[0][0]) if newest else "-"

    def first_id(self, symbol: str) -> str:
        """The id of the oldest event that is kept."""
        oldest: Any = self.client.xrange(f"kraken:events:{{{symbol}}}", count=1)
        return str(oldest[0][0])

    def last_seq(self, symbol: str) -> int:
        """The seq of the newest event; 0 where there is none."""
        last = self.last_id(symbol)
        return 0 if last == "-" else int(last.partition("-")[2])

    def ladder(self, symbol: str) -> Ladder:
        """The book that the whole stream leads to; raises BrokenPromiseError."""
        return ladder_of_dump(symbol, self.entries(symbol))

    def book(self, symbol: str) -> dict[str, str]:
        """The hash of a symbol's book."""
        found: Any = self.client.hgetall(f"kraken:book:{{{symbol}}}")
        return dict(found)

    def states(self) -> dict[str, dict[str, Any]]:
        """What became of each configured symbol."""
        found: Any = self.client.hgetall("kraken:symbols")
        return {symbol: json.loads(state) for symbol, state in found.items()}

    def wait_for_seq(self, symbol: str, seq: int) -> None:
        """Return once the stream has gone so far."""
        eventually(lambda: self.last_seq(symbol) >= seq or None, f"{symbol} reaches {seq}")

    def wait_for_checksum(self, symbol: str, checksum: int) -> None:
        """Return once the hash has the book of this checksum."""

        def is_there() -> bool | None:
            return self.book(symbol).get("checksum") == str(checksum) or None

        eventually(is_there, f"the book {checksum} of {symbol} is in Redis")


def wait_until_still(
    simulator: Simulator, collector: Collector, streams: Streams, *symbols: str
) -> None:
    """Return once these markets have made all their updates, and Redis has every event of them."""
    simulator.wait_for_line("markets stand still: all updates are made")
    for symbol in symbols:
        streams.wait_for_checksum(symbol, simulator.book(symbol)["checksum"])
    waiting = "kraken_book_waiting_events"
    eventually(lambda: collector.metric(waiting) == 0 or None, "all is published")


def _lifeline() -> Callable[[], None] | None:
    # A fork among threads runs no Python safely.
    return die_with_parent if threading.active_count() == 1 else None


def _json_lines(text: str, containing: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if containing in line and line.startswith("{") and line.endswith("}"):
            yield json.loads(line)
