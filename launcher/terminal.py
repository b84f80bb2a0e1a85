"""Output to the terminal: messages before the start, one log of all processes, and the welcome."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, quote, urlsplit

from kraken_book.contract.keys import book_key
from kraken_book.redis_url import without_password, without_password_file
from kraken_book.selection import Selection
from kraken_book.symbols import venue_of
from runtime.healthcheck import is_healthy
from runtime.log_output import LineWriter
from runtime.printable import printable, printable_lines, printable_with_colours

DEFAULT_SYMBOL = "BTC/USD"

READY_TIMEOUT = 30.0
BOOK_TIMEOUT = 10.0
READ_TIMEOUT = 2.0
MAX_ANSWER_BYTES = 20_000_000
MAX_NAMED_BOOKS = 5

_WILDCARD_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound
_LOCAL_HOSTS = {"127.0.0.1", "localhost", *_WILDCARD_HOSTS}

_WARNING_STYLE = "\033[1;41;97m{}\033[0m"
_COLOURS = ("36", "33", "32", "35", "31", "34")


def print_line(line: str) -> None:
    """Print a line and flush."""
    _write(printable_lines(line))


def print_warning(line: str) -> None:
    """Print a line that begins with `!!`, in colours if it is for a terminal."""
    marked = f"!! {printable(line)}"
    _write(_WARNING_STYLE.format(marked) if sys.stdout.isatty() else marked)


def _write(text: str) -> None:
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        # The reader is gone. Python flushes stdout at exit, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class RunLog:
    """The common log of all processes of a run, on standard output; safe for any thread.

    Each line begins with the time and the name of its process, in a colour on a terminal. Writing
    never waits: lines that are not read in time are dropped and counted.

    Args:
        names: The names of the processes.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.is_unread = False
        """Whether the reader is gone: the terminal was closed, or `| head` has ended."""
        names = list(names)
        self._width = max(map(len, names), default=0)
        self._has_colours = sys.stdout.isatty()
        self._colours = dict(zip(names, cycle(_COLOURS), strict=False))
        self._writer = LineWriter(sys.stdout.fileno(), describe_loss=_describe_loss)

    def write(self, name: str, text: str) -> None:
        """Write the lines of `text`, with control characters escaped."""
        clean = printable_with_colours if self._has_colours else printable
        prefix = f"{datetime.now():%H:%M:%S} {name.ljust(self._width)} | "  # noqa: DTZ005 - shown
        if self._has_colours and name in self._colours:
            prefix = f"\033[0m\033[{self._colours[name]}m{prefix}\033[0m"
        for line in text.splitlines():
            whole = f"{prefix}{clean(line)}\n"
            self._writer.put(whole.encode(errors="backslashreplace"))

    def watch_reader(self) -> None:
        """Start the thread that sets `is_unread` when the reader is gone."""
        self._writer.when_reader_gone(self._note_unread)

    def finish(self) -> None:
        """Wait at most half a second until all lines are written."""
        self._writer.flush()

    def _note_unread(self) -> None:
        self.is_unread = True


def _describe_loss(count: int) -> bytes:
    return f"{count} lines of this log were dropped because they were not read in time\n".encode()


@dataclass(frozen=True)
class Welcome:
    """The addresses and commands to try in a run.

    Attributes:
        host: The address that the api listens on.
        port: The port of the api.
        ops: The address and port of the api's operator endpoints.
        has_default_port: Whether `make tui` finds the api without API_PORT.
        selection: The books that the settings select.
        redis_url: The URL of Redis.
        feeds: The venues, and whether the markets of each are simulated.
        replay: The recording that is replayed; None if there is a feed.
    """

    host: str
    port: int
    ops: tuple[str, int]
    has_default_port: bool
    selection: Selection
    redis_url: str
    feeds: Mapping[str, bool]
    replay: Path | None = None

    def lines(self, live: Sequence[str]) -> list[str]:
        """Return the lines to print, with commands for one of the `live` books."""
        base = f"http://{_shown_host(self.host)}:{self.port}"
        symbol = _example(self.selection, live)
        in_path = quote(symbol, safe="")
        lines = [
            f"feed: {self._feed(live)}",
            _books_line(self.selection, live),
            f"open   {base}",
            f"curl   {base}/symbols",
            f"curl   {base}/depth/{in_path}",
            f"curl -N {base}/stream/{in_path}",
            "make tui" if self.has_default_port else f"make tui API_PORT={self.port}",
            _redis_line(self.redis_url, symbol),
            "Ctrl-C stops everything",
        ]
        if self.host in _WILDCARD_HOSTS:
            lines.insert(3, f"       or port {self.port} on any other address of this machine")
        return lines

    def _feed(self, live: Sequence[str]) -> str:
        if self.replay is not None:
            return f"REPLAY of {self.replay}"
        if all(self.feeds.values()):
            return "SIMULATED" + (f" {_names(self.feeds)}" if len(self.feeds) > 1 else "")
        from_venue = {venue_of(symbol) for symbol in live}
        words = []
        for venue, is_simulated in self.feeds.items():
            word = "SIMULATED " if is_simulated else "live " if venue in from_venue else ""
            words.append(f"{word}{venue.title()}")
        return ", ".join(words)


def welcome_when_ready(log: Callable[[str], None], welcome: Welcome) -> None:
    """Start a thread that logs the welcome when the api is ready and has a live book.

    The thread waits at most 30 s for the api, and 10 s more for a live book.
    """

    def wait_and_log() -> None:
        if not _becomes_ready(*_reachable(*welcome.ops)):
            log(f"the api is not ready after {READY_TIMEOUT:g} s; see its lines above")
            return
        log("\n".join(welcome.lines(_await_live(*_reachable(welcome.host, welcome.port)))))

    Thread(target=wait_and_log, name="welcome", daemon=True).start()


def _reachable(host: str, port: int) -> tuple[str, int]:
    """Return an address to connect to for one to listen on."""
    return _WILDCARD_HOSTS.get(host, host), port


def _example(selection: Selection, live: Sequence[str]) -> str:
    """Return a live symbol, if possible one that is selected by name."""
    for symbol in (*selection.names, *live):
        if symbol in live:
            return symbol
    if selection.names:
        return selection.names[0]
    base, _, quote_name = selection.patterns[0].partition("/")
    default_base, _, default_quote = DEFAULT_SYMBOL.partition("/")
    return "/".join(
        default if "*" in given or not given else given
        for given, default in ((base, default_base), (quote_name, default_quote))
    )


def _books_line(selection: Selection, live: Sequence[str]) -> str:
    if not live:
        return "books: none is live yet; see the lines above"
    shown = ([name for name in selection.names if name in live] or list(live))[:MAX_NAMED_BOOKS]
    more = len(live) - len(shown)
    return f"books: {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")


def _names(venues: Iterable[str]) -> str:
    return ", ".join(venue.title() for venue in venues)


def _shown_host(host: str) -> str:
    if host in _LOCAL_HOSTS:
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _redis_line(url: str, symbol: str) -> str:
    """Return the command that shows a book in Redis, or only the URL if no client is installed."""
    program = next(filter(shutil.which, ("redis-cli", "valkey-cli")), None)
    if program is None:
        return f"REDIS_URL={without_password(url)}"
    url, user, file = without_password_file(url)
    if file:
        login = f" --user {shlex.quote(user)}" if user else ""
        program = f"REDISCLI_AUTH=$(cat {shlex.quote(file)}) {program}{login}"
    parts = urlsplit(url)
    if parts.scheme != "unix":
        server = f"-u {shlex.quote(without_password(url))}"
    else:
        database = parse_qs(parts.query).get("db", ["0"])[0]
        server = f"-s {shlex.quote(parts.path)}" + (f" -n {database}" if database != "0" else "")
    return f"{program} {server} hgetall {shlex.quote(book_key(symbol))}"


def _becomes_ready(host: str, port: int) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT
    while not is_healthy(host, port, "/readyz"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _await_live(host: str, port: int) -> list[str]:
    """Return the live symbols as soon as there are any; an empty list after 10 s."""
    deadline = time.monotonic() + BOOK_TIMEOUT
    while not (live := _live_symbols(host, port)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return live


def _live_symbols(host: str, port: int) -> list[str]:
    connection = HTTPConnection(host, port, timeout=READ_TIMEOUT)
    try:
        connection.request("GET", "/books")
        books = json.loads(connection.getresponse().read(MAX_ANSWER_BYTES))
        return [book["symbol"] for book in books if book["status"] == "live"]
    except (OSError, HTTPException, ValueError, TypeError, KeyError):
        return []
    finally:
        connection.close()
