"""The services as their users start them: `python -m simulator`, `collector` and `api`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from lab.fork_server import ForkServer
from lab.process import Process
from lab.sse.stream import SseStream, stream_path
from lab.sse.watch import StreamWatch
from lab.waiting import wait_for, wait_until


class SimulatorProcess(Process):
    """`python -m simulator`; `control` is None unless it was started with `--control`."""

    url = ""
    rest_url = ""
    """The address of REST without a path; empty if the venue has no REST."""
    control: httpx.Client | None = None

    def fault(self, text: str) -> None:
        """Inject a fault such as `corrupt?symbol=BTC/USD`; see docs/simulator.md."""
        self._controlled("POST", f"/faults/{text}")

    def faults_on(self) -> list[dict[str, Any]]:
        """Return the faults that last or have not begun yet."""
        found: list[dict[str, Any]] = self._controlled("GET", "/faults").json()["on"]
        return found

    def lift_faults(self) -> None:
        """End all faults that last."""
        self._controlled("DELETE", "/faults")

    def book(self, symbol: str, depth: int = 10) -> dict[str, Any]:
        """Return the book of the simulated market."""
        found: dict[str, Any] = self._controlled("GET", f"/books/{symbol}?depth={depth}").json()
        return found

    def connections(self) -> dict[str, Any]:
        """Return the counts of connections, and the requests on them."""
        found: dict[str, Any] = self._controlled("GET", "/connections").json()
        return found

    def _controlled(self, method: str, path: str) -> httpx.Response:
        assert self.control is not None, "the simulator was started without --control"
        answer = self.control.request(method, path)
        assert answer.status_code == 200, answer.text
        return answer

    def close(self) -> None:
        """Kill the process if it still runs, and close the connections to it."""
        super().close()
        if self.control is not None:
            self.control.close()


class HttpService(Process):
    """A service that answers HTTP on its port."""

    def __init__(
        self,
        name: str,
        log: Path,
        arguments: Iterable[str],
        port: int,
        fork_server: ForkServer | None = None,
        /,
        **environment: str,
    ) -> None:
        super().__init__(name, log, arguments, fork_server, **environment)
        self.port = self.ops_port = port
        self.url = f"http://127.0.0.1:{port}"
        # No connection is kept, because a restart of the service would break it.
        self.http = httpx.Client(
            base_url=self.url,
            timeout=20.0,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            verify=False,
        )

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET."""
        return self.http.get(path, **options)

    def ops_url(self, path: str) -> str:
        """Return the URL of an operator endpoint."""
        return f"http://127.0.0.1:{self.ops_port}{path}"

    def answers(self, path: str, status: int = 200, **options: Any) -> httpx.Response:
        """Return the first answer with this status, when there is one."""

        def answered() -> httpx.Response | None:
            assert self.process.poll() is None, f"{self.name} ended\n{self.log}"
            try:
                response = self.get(path, **options)
            except httpx.TransportError:
                return None
            return response if response.status_code == status else None

        return wait_for(answered, f"{self.name} answers {path} with {status}")

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that have these labels; 0 if there are none."""
        # Only these lines are parsed: parsing all takes longer than fetching them.
        text = self.answers(self.ops_url("/metrics")).text
        lines = [each for each in text.splitlines() if each.startswith(name)]
        return sum(
            sample.value
            for family in text_string_to_metric_families("\n".join(lines) + "\n")
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def close(self) -> None:
        """Kill the process if it still runs, and close the connections to it."""
        super().close()
        self.http.close()


class Collector(HttpService):
    """`python -m collector`."""

    def live(self) -> int:
        """Return how many books are live; 0 if the collector does not answer."""
        try:
            return int(self.get("/healthz").json()["symbols"].get("live", 0))
        except httpx.TransportError:
            return 0

    def wait_until_live(self, symbols: int) -> None:
        """Return when this number of books is live and published."""

        def all_live() -> bool:
            assert self.process.poll() is None, f"{self.name} ended\n{self.log}"
            return self.live() == symbols

        wait_until(all_live, f"{symbols} books are live")


class Api(HttpService):
    """`python -m api`."""

    def stream(self, symbol: str, **headers: str) -> SseStream:
        """Return an open stream; underscores in header names become dashes."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return SseStream(self.url, stream_path(symbol), names)

    def watch(self, symbol: str, **headers: str) -> StreamWatch:
        """Return a reader of a stream, in a thread beside the test."""
        return StreamWatch(self.stream(symbol, **headers), symbol)

    def wait_until_live(self, *symbols: str) -> None:
        """Return when the api serves each of these books without a problem."""
        for symbol in symbols:
            self.answers(f"/depth/{symbol}")
