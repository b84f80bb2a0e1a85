"""How cheap `/depth` is, against a constant answer of the same size from the same server stack.

    python -m bench.depth

Real processes: a Redis with 20 books, the api, and `bench.constant`: uvicorn with the api's
protocol, routing and request log and nothing behind them, or, as `bare`, with nothing but the
protocol. 32 keep-alive connections ask for books at random, in turns of one server and the others,
for whole answers and for what has not changed (304). Printed are the answers a second and the CPU's
microseconds that the server took for each. It ends by itself within a minute, and with 1 where a
goal, set against the first constant, is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
import uvloop

from bench.http_load import Load, get
from service.logs import configure_logs, parse_levels
from tests.e2e.processes import Api, HttpService, Stage, own_port

SYMBOLS = [f"C{number:02d}/USD" for number in range(20)]
CONNECTIONS = 32
# Of the constant's answers a second, the least that the api is to give.
GOALS = {200: 0.60, 304: 0.85}
OF_THE_SERVER = ("date", "x-request-id")


class Measured(NamedTuple):
    """Answers a second, and the server's CPU for one in microseconds."""

    rate: float
    cpu: float


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="How cheap /depth is.")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each turn")
    parser.add_argument("--turns", type=int, default=4, help="of each server and kind")
    parser.add_argument("--depth", type=int, default=10, choices=[10, 25, 100, 500, 1000])
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        api = start_api(stage, options.depth)
        constant = start_constant(stage, Path(folder), api.get(f"/depth/{SYMBOLS[0]}"))
        tags = [api.get(path_of(symbol)).headers["etag"] for symbol in SYMBOLS]
        asked: dict[int, list[dict[str, str]]] = {
            200: [{} for _ in SYMBOLS],
            304: [{"If_None_Match": tag} for tag in tags],
        }
        held = [
            measure(status, headers, api, constant, options.seconds, options.turns)
            for status, headers in asked.items()
        ]
    return int(not all(held))


def start_api(stage: Stage, depth: int) -> Api:
    """An api over books that have moved and stand still."""
    redis, symbols = stage.redis(), ",".join(SYMBOLS)
    simulator = stage.simulator("--symbols", symbols, "--rate", "4000", "--updates", "200")
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=symbols, KRAKEN_DEPTH=str(depth)
    )
    collector.wait_until_live(len(SYMBOLS))
    simulator.wait_for_line("markets stand still: all updates are made")
    api = stage.api(redis.url, API_MAX_AGE="3600")
    api.wait_until_live(*SYMBOLS)
    # What is measured is not to share the machine with those who write.
    collector.kill()
    simulator.kill()
    return api


def start_constant(stage: Stage, folder: Path, answer: httpx.Response) -> HttpService:
    """A server that gives this answer to every request."""
    file, port = folder / "answer.json", own_port()
    headers = {n: v for n, v in answer.headers.items() if n not in OF_THE_SERVER}
    file.write_text(json.dumps({"body": answer.text, "headers": headers}))
    service = HttpService(
        "constant", folder / "constant.log", ["bench.constant", str(port), str(file)], port
    )
    stage.undo(service.close)
    service.answers("/")
    return service


def path_of(symbol: str) -> str:
    """As a client of the seed asks."""
    return f"/depth/{symbol.replace('/', '%2F')}"


def measure(
    status: int,
    headers: Sequence[dict[str, str]],
    api: HttpService,
    constant: HttpService,
    seconds: float,
    turns: int,
) -> bool:
    """Measure one kind of answer at each server, in turn, and print it; whether its goal is met."""
    servers = {"api": (api, ""), "constant": (constant, ""), "bare": (constant, "/bare")}
    found: dict[str, list[Measured]] = {name: [] for name in servers}
    for _ in range(turns):
        for name, (server, prefix) in servers.items():
            pairs = zip(SYMBOLS, headers, strict=True)
            requests = [get(prefix + path_of(symbol), **added) for symbol, added in pairs]
            found[name].append(turn(server, requests, status, seconds))
    rates = {name: median(each.rate for each in measured) for name, measured in found.items()}
    for name, measured in found.items():
        cpu = median(each.cpu for each in measured)
        print(
            f"{status} of {name:8} {rates[name]:8,.0f} /s, {cpu:6.1f} us of CPU each;"
            f" the api has {rates['api'] / rates[name]:.0%} of it"
        )
    print(f"goal: {GOALS[status]:.0%} of the constant", flush=True)
    return rates["api"] / rates["constant"] >= GOALS[status]


def turn(server: HttpService, requests: Sequence[bytes], status: int, seconds: float) -> Measured:
    """One measurement; every answer must have the status."""
    before = server.cpu_seconds()
    load = Load(requests)
    rate = uvloop.run(load.run(server.port, CONNECTIONS, seconds))
    count = load.statuses.total()
    assert set(load.statuses) == {status}, load.statuses
    return Measured(rate, (server.cpu_seconds() - before) / count * 1e6)


if __name__ == "__main__":
    sys.exit(main())
