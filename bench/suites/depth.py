"""The rate of `/depth`, beside a constant response of the same size from the same server stack.

Real processes: a Redis with 20 books, the api, and `bench.peers.constant`. That is uvicorn with the
api's protocol, routing and request log and nothing behind them or, as `bare`, with the protocol
alone. 32 keep-alive connections request random books from one server after the other, once for
whole responses and once for 304s. The responses per second and the server's CPU for each are
measured. The goals compare with the constant response.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
import uvloop

from bench.load.http_load import HttpLoad, get
from bench.report.goals import DEPTH_OF_CONSTANT
from bench.report.rows import Row, median_ratio
from bench.suite import MeasureFailed, Progress, turns_at
from lab.ports import free_port
from lab.services import Api, HttpService
from lab.stage import Stage

SYMBOLS = [f"C{number:02d}/USD" for number in range(20)]
CONNECTIONS = 32
TURN_SECONDS = 1.0
MIN_SECONDS = 0.2
OF_THE_SERVER = ("date", "x-request-id")


class AnswerRate(NamedTuple):
    """Responses per second, and the server's CPU for each in microseconds."""

    rate: float
    cpu: float


Turns = Mapping[str, Sequence[AnswerRate]]
"""The measures of each server."""


@dataclass(frozen=True)
class Depth:
    """The measures by status."""

    by_status: Mapping[int, Turns]

    def rows(self) -> Iterator[Row]:
        """Yield the api's responses per second beside the constant server's."""
        names = {200: "whole responses", 304: "304"}
        for status, turns in self.by_status.items():
            ours, constant = ([each.rate for each in turns[name]] for name in ("api", "constant"))
            yield Row(
                what=f"/depth: {names[status]}",
                ours=median(ours),
                unit="/s",
                beside="constant",
                theirs=median(constant),
                ratio=median_ratio(ours, constant),
                goal=DEPTH_OF_CONSTANT[status],
            )
            for name, measured in turns.items():
                what = f"{names[status]}: CPU of {name}"
                cpu = median(each.cpu for each in measured)
                yield Row(what=what, ours=cpu, unit="us", is_detail=True)


def measure(scale: float, progress: Progress, depth: int = 10) -> Iterator[Row]:
    """Measure books of this depth."""
    seconds, turns = max(MIN_SECONDS, TURN_SECONDS * scale), turns_at(scale)
    progress.expect(1 + 2 * turns)
    progress("preparing books")
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        api = start_api(stage, depth)
        constant = start_constant(stage, Path(folder), api.get(f"/depth/{SYMBOLS[0]}"))
        servers = {"api": (api, ""), "constant": (constant, ""), "bare": (constant, "/bare")}
        tags = [api.get(path_of(symbol)).headers["etag"] for symbol in SYMBOLS]
        asked: dict[int, list[dict[str, str]]] = {
            200: [{} for _ in SYMBOLS],
            304: [{"If_None_Match": tag} for tag in tags],
        }
        found: dict[int, dict[str, list[AnswerRate]]] = {}
        for status, headers in asked.items():
            found[status] = {name: [] for name in servers}
            for turn in range(turns):
                progress(f"responses with {status}, {turn + 1} of {turns}")
                for name, (server, prefix) in servers.items():
                    if name == "bare" and turn:
                        # It shows how the time is divided, and has no goal.
                        continue
                    requests = requests_of(prefix, headers)
                    found[status][name].append(turn_of(server, requests, status, seconds))
    return Depth(found).rows()


def start_api(stage: Stage, depth: int) -> Api:
    """Start an api on books that have had updates and do not change any more."""
    redis, symbols = stage.redis(), ",".join(SYMBOLS)
    simulator = stage.simulator("--symbols", symbols, "--rate", "4000", "--updates", "200")
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=symbols, KRAKEN_DEPTH=str(depth)
    )
    collector.wait_until_live(len(SYMBOLS))
    simulator.wait_for_line("markets stopped")
    api = stage.api(redis.url, API_MAX_AGE="3600")
    api.wait_until_live(*SYMBOLS)
    # Simulator and collector must not use CPU during the measurement.
    collector.kill()
    simulator.kill()
    return api


def start_constant(stage: Stage, folder: Path, answer: httpx.Response) -> HttpService:
    """Start a server with this response to every request."""
    file, port = folder / "answer.json", free_port()
    headers = {n: v for n, v in answer.headers.items() if n not in OF_THE_SERVER}
    file.write_text(json.dumps({"body": answer.text, "headers": headers}))
    service = HttpService(
        "constant", folder / "constant.log", ["bench.peers.constant", str(port), str(file)], port
    )
    stage.undo(service.close)
    service.answers("/")
    return service


def path_of(symbol: str) -> str:
    """Return the path of a book."""
    return f"/depth/{symbol.replace('/', '%2F')}"


def requests_of(prefix: str, headers: Sequence[Mapping[str, str]]) -> list[bytes]:
    """Return a request for each book."""
    pairs = zip(SYMBOLS, headers, strict=True)
    return [get(prefix + path_of(symbol), **added) for symbol, added in pairs]


def turn_of(
    server: HttpService, requests: Sequence[bytes], status: int, seconds: float
) -> AnswerRate:
    """Measure once; raise MeasureFailed unless every response has the status."""
    before = server.cpu_seconds()
    load = HttpLoad(requests)
    rate = uvloop.run(load.run(server.port, CONNECTIONS, seconds))
    if set(load.statuses) != {status}:
        raise MeasureFailed(f"{server.name} responded with {dict(load.statuses)}, not {status}")
    return AnswerRate(rate, (server.cpu_seconds() - before) / load.statuses.total() * 1e6)
