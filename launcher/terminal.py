"""What the person at the terminal sees: one log, lines from before there is one, and a welcome."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from threading import Thread
from urllib.parse import parse_qs, quote, urlsplit

from kraken_book.contract.keys import book_key
from kraken_book.selection import Selection
from runtime.healthcheck import is_healthy
from runtime.log_output import LineWriter
from runtime.printable import printable, printable_lines, printable_with_colours
from runtime.redis.url import without_password

DEFAULT_MARKET = "BTC/USD"

READY_TIMEOUT = 30.0
BOOK_TIMEOUT = 10.0
ANSWER_TIMEOUT = 2.0
MAX_ANSWER_BYTES = 20_000_000
MAX_NAMED_BOOKS = 5

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound
_THIS_MACHINE = {"127.0.0.1", "localhost", *_EVERY_ADDRESS}

_LOUD = "\033[1;41;97m{}\033[0m"
_COLOURS = ("36", "33", "32", "35", "31", "34")


def say(line: str) -> None:
    """Print a line at once."""
    _write(printable_lines(line))


def shout(line: str) -> None:
    """Print a line that nobody overlooks: marked in text, and in colour on a terminal."""
    marked = f"!! {printable(line)}"
    _write(_LOUD.format(marked) if sys.stdout.isatty() else marked)


def _write(text: str) -> None:
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        # Nobody reads it. What Python writes at its end needs somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class RunLog:
    """Standard output, shared by all processes of a run; any thread may write.

    Each line begins with the time and the name of its process, in a colour on a terminal. Nobody
    waits for a reader: what is not read in time is dropped and counted.

    Args:
        names: The processes.

    """

    def __init__(self, names: Iterable[str]) -> None:
        self.is_unread = False
        """Whether no reader is left: the terminal was closed, or `| head` has ended."""
        names = list(names)
        self._width = max(map(len, names), default=0)
        self._has_colours = sys.stdout.isatty()
        self._colours = dict(zip(names, cycle(_COLOURS), strict=False))
        self._writer = LineWriter(sys.stdout.fileno(), describe_loss=_describe_loss)

    def write(self, name: str, text: str) -> None:
        """Write the lines of `text`; what commands the terminal is written as its escapes."""
        clean = printable_with_colours if self._has_colours else printable
        prefix = f"{datetime.now():%H:%M:%S} {name.ljust(self._width)} | "  # noqa: DTZ005 - shown
        if self._has_colours and name in self._colours:
            prefix = f"\033[0m\033[{self._colours[name]}m{prefix}\033[0m"
        for line in text.splitlines():
            whole = f"{prefix}{clean(line)}\n"
            self._writer.put(whole.encode(errors="backslashreplace"))

    def watch_reader(self) -> None:
        """Set `is_unread` once nobody can read the log any more; start the thread that sees it."""
        self._writer.when_reader_gone(self._note_unread)

    def finish(self) -> None:
        """Wait for what is not written yet, at most half a second."""
        self._writer.flush()

    def _note_unread(self) -> None:
        self.is_unread = True


def _describe_loss(count: int) -> bytes:
    return f"{count} lines of this log were dropped: they were not read in time\n".encode()


@dataclass(frozen=True)
class Welcome:
    """What can be opened and tried in a run.

    Attributes:
        host: The address that the api listens on.
        port: Its port.
        has_usual_port: Whether that is the one that `make tui` looks at by itself.
        selection: The books that were asked for.
        redis_url: Where Redis is.
        simulated: Whether the markets are.

    """

    host: str
    port: int
    has_usual_port: bool
    selection: Selection
    redis_url: str
    simulated: bool

    def lines(self, live: Sequence[str]) -> list[str]:
        """Return the address to open and commands to copy, for one of the `live` books."""
        base = f"http://{_shown_host(self.host)}:{self.port}"
        symbol = _example(self.selection, live)
        in_path = quote(symbol, safe="")
        lines = [
            f"feed: {'SIMULATED' if self.simulated else 'live Kraken' if live else 'Kraken'}",
            _books_line(self.selection, live),
            f"open   {base}",
            f"curl   {base}/symbols",
            f"curl   {base}/depth/{in_path}",
            f"curl -N {base}/stream/{in_path}",
            "make tui" if self.has_usual_port else f"make tui API_PORT={self.port}",
            _redis_line(self.redis_url, symbol),
            "Ctrl-C ends it all",
        ]
        if self.host in _EVERY_ADDRESS:
            lines.insert(3, f"       or port {self.port} on any other address of this machine")
        return lines


def welcome_when_ready(say: Callable[[str], None], welcome: Welcome) -> None:
    """Wait in a thread until the api is ready and has a live book, then `say` the welcome.

    It waits for at most 30 s, and 10 s more for a live book.
    """

    def wait_and_say() -> None:
        address = _EVERY_ADDRESS.get(welcome.host, welcome.host), welcome.port
        if not _becomes_ready(*address):
            say(f"the api is not ready after {READY_TIMEOUT:g} s: its lines above may say why")
            return
        say("\n".join(welcome.lines(_await_live(*address))))

    Thread(target=wait_and_say, name="welcome", daemon=True).start()


def _example(selection: Selection, live: Sequence[str]) -> str:
    """Return a book that is there, one that was asked for by its name if possible."""
    for symbol in (*selection.names, *live):
        if symbol in live:
            return symbol
    if selection.names:
        return selection.names[0]
    base, _, quote_name = selection.patterns[0].partition("/")
    usual_base, _, usual_quote = DEFAULT_MARKET.partition("/")
    return "/".join(
        usual if "*" in given or not given else given
        for given, usual in ((base, usual_base), (quote_name, usual_quote))
    )


def _books_line(selection: Selection, live: Sequence[str]) -> str:
    if not live:
        return "books: none is live yet; the lines above may say why"
    shown = ([name for name in selection.names if name in live] or list(live))[:MAX_NAMED_BOOKS]
    more = len(live) - len(shown)
    return f"books: {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")


def _shown_host(host: str) -> str:
    if host in _THIS_MACHINE:
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _redis_line(url: str, symbol: str) -> str:
    """Return how to look into Redis; the URL alone if no program for that is installed."""
    program = next(filter(shutil.which, ("redis-cli", "valkey-cli")), None)
    if program is None:
        return f"REDIS_URL={without_password(url)}"
    parts = urlsplit(url)
    if parts.scheme != "unix":
        where = f"-u {shlex.quote(without_password(url))}"
    else:
        database = parse_qs(parts.query).get("db", ["0"])[0]
        where = f"-s {shlex.quote(parts.path)}" + (f" -n {database}" if database != "0" else "")
    return f"{program} {where} hgetall {shlex.quote(book_key(symbol))}"


def _becomes_ready(host: str, port: int) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT
    while not is_healthy(host, port, "/readyz"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _await_live(host: str, port: int) -> list[str]:
    """Return the live books, once there are any; none if there are none within 10 s."""
    deadline = time.monotonic() + BOOK_TIMEOUT
    while not (live := _live_symbols(host, port)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return live


def _live_symbols(host: str, port: int) -> list[str]:
    connection = HTTPConnection(host, port, timeout=ANSWER_TIMEOUT)
    try:
        connection.request("GET", "/books")
        books = json.loads(connection.getresponse().read(MAX_ANSWER_BYTES))
        return [book["symbol"] for book in books if book["status"] == "live"]
    except (OSError, HTTPException, ValueError, TypeError, KeyError):
        return []
    finally:
        connection.close()
