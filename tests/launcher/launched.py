"""The launcher as a process that starts stand-ins for the services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.ports import free_port
from lab.process_table import descendants, is_running
from lab.waiting import DEADLINE, wait_until

ROOT = Path(__file__).parents[2]

COLLECTOR = """
import os, signal
if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.environ.get("ENDING_COLLECTOR"):
    print("last words", end="", flush=True)
    raise SystemExit(0)
for name in ("REDIS_URL", "KRAKEN_URL", "COLLECTOR_PORT", "LOG_FORMAT"):
    print(f"{name} is {os.environ.get(name)}", flush=True)
signal.pause()
"""

SIMULATOR = """
import signal, sys
print("simulator arguments:", *sys.argv[1:], flush=True)
signal.pause()
"""

API = """
import json, os, socket
from http.server import BaseHTTPRequestHandler, HTTPServer

symbols = os.environ.get("KRAKEN_SYMBOLS", "BTC/USD").split(",")
books = json.dumps([{"symbol": each, "status": "live"} for each in symbols])

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = "200 OK" if self.path in ("/readyz", "/books") else "404 Not Found"
        # In one write: the launcher closes the connection when it has the status.
        self.wfile.write(f"HTTP/1.0 {status}\\r\\n\\r\\n{books}".encode())

server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket = socket.socket(fileno=int(os.environ["KRAKEN_BOOK_LISTENER"]))
assert server.socket.getsockname()[1] == int(os.environ["API_PORT"])
server.serve_forever()
"""


def write_stand_ins(folder: Path) -> None:
    """Write packages that `python -m` finds in `folder` before the project's.

    Their other modules, such as the settings, are the project's.
    """
    for name, text in (("collector", COLLECTOR), ("simulator", SIMULATOR), ("api", API)):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"__path__.append({str(ROOT / name)!r})")
        (folder / name / "__main__.py").write_text(text)


class Launched:
    """A process of `python -m launcher`.

    Args:
        folder: The working directory, with the stand-ins.
        output: A file descriptor for standard output; None means the same file as standard error.
        arguments: The arguments of the launcher.
        variables: Variables in addition to a minimal environment.
    """

    def __init__(
        self,
        folder: Path,
        output: int | None = None,
        arguments: Sequence[str] = (),
        **variables: str,
    ) -> None:
        self._log = folder / "log"
        # If it is "", the launcher uses the default port or another one.
        self.api_port = int(variables.setdefault("API_PORT", str(free_port())) or 0)
        self.temporary = folder / "t"
        self.temporary.mkdir()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launcher", *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log if output is None else output,
                stderr=log,
                start_new_session=True,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": str(ROOT),
                    "TMPDIR": str(self.temporary),
                    "COLLECTOR_PORT": str(free_port()),
                    "KRAKEN_URL": "ws://127.0.0.1:1/v2",
                    "FEED": "simulated",
                    **variables,
                },
            )

    @property
    def log(self) -> str:
        """The output so far."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Return when `text` is in the log."""

        def printed_or_over() -> bool:
            return text in self.log or self.process.poll() is not None

        wait_until(printed_or_over, f"{text!r} in time")
        assert text in self.log, self.log

    def wait_until_up(self) -> set[int]:
        """Return the pids of all child processes when all have started.

        The welcome waits for the api only; the collector's last line shows that it runs.
        """
        self.wait_for("stream/")
        self.wait_for("LOG_FORMAT is")
        return descendants(self.process.pid)

    def end(self, *numbers: signal.Signals) -> int:
        """Send signals; return the exit code."""
        for number in numbers:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def assert_nothing_left(self, pids: set[int]) -> None:
        """Assert that the processes and the temporary files of a run are gone."""
        wait_until(
            lambda: not any(map(is_running, pids)), f"some of {pids} still run\n{self.log}", 5
        )
        assert list(self.temporary.iterdir()) == []
