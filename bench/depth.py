"""How cheap `/depth` is, against a constant answer of the same size from the same server stack.

    python -m bench.depth

Real processes: a Redis with 20 books, the api, and `bench.constant`, which is uvicorn with the
api's protocol and nothing behind it. 32 keep-alive connections ask for books at random, in turns of
one server and the other, for whole answers and for what has not changed (304). Printed are the
answers a second and the CPU's microseconds that the server took for each. It ends by itself within
a minute, and with 1 where a goal is missed.
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
OF_THE_SERVER = ("date",)


class Measured(NamedTuple):
    """Answers a second, and the server's CPU for one in microseconds."""

    rate: float
    cpu: float


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="How cheap /depth is.")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each turn")
    parser.add_argument("--turns", type=int, default=5, help="of each server and kind")
    parser.add_argument("--depth", type=int, default=10, choices=[10, 25, 100, 500, 1000])
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        api = start_api(stage, options.depth)
        constant = start_constant(stage, Path(folder), api.get(f"/depth/{SYMBOLS[0]}"))
        held = [
            measure(status, loads, api, constant, options.seconds, options.turns)
            for status, loads in (
                (200, [get(path_of(symbol)) for symbol in SYMBOLS]),
                (304, [get(path_of(symbol), If_None_Match=tag(api, symbol)) for symbol in SYMBOLS]),
            )
        ]
    return int(not all(held))


def start_api(stage: Stage, depth: int) -> Api:
    """An api over books that have moved and stand still."""
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "4000", "--updates", "200")
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS), KRAKEN_DEPTH=str(depth)
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
    headers = [pair for pair in answer.headers.items() if pair[0] not in OF_THE_SERVER]
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


def tag(api: Api, symbol: str) -> str:
    """The entity tag of a book."""
    return api.get(path_of(symbol)).headers["etag"]


def measure(
    status: int,
    requests: Sequence[bytes],
    api: HttpService,
    constant: HttpService,
    seconds: float,
    turns: int,
) -> bool:
    """Measure one kind of answer at both servers, in turn, and print it; whether its goal is met."""
    found: dict[str, list[Measured]] = {}
    for _ in range(turns):
        for server in (constant, api):
            found.setdefault(server.name, []).append(turn(server, requests, status, seconds))
    rates = {name: median(each.rate for each in turns) for name, turns in found.items()}
    cpus = {name: median(each.cpu for each in turns) for name, turns in found.items()}
    for name in found:
        print(f"{status} of {name:8} {rates[name]:8,.0f} /s, {cpus[name]:6.1f} us of CPU each")
    ratio = rates["api"] / rates["constant"]
    print(f"{status}: {ratio:.0%} of the constant, goal {GOALS[status]:.0%}", flush=True)
    return ratio >= GOALS[status]


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
