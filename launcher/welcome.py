"""What to open and what to try, said once the api is ready."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from threading import Thread
from urllib.parse import parse_qs, quote, urlsplit

from kraken_book.contract.keys import book_key
from kraken_book.selection import Selection
from launcher.services import DEFAULT_MARKET
from launcher.settings import LauncherSettings
from runtime.healthcheck import is_healthy
from runtime.redis.url import without_password

DEFAULT_PORT = LauncherSettings.model_fields["api_port"].default

READY_LIMIT = 30.0
BOOK_LIMIT = 10.0
ANSWER_LIMIT = 2.0
MAX_ANSWER_BYTES = 20_000_000

_MOST_NAMED = 5
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound
_THIS_MACHINE = {"127.0.0.1", "localhost", *_EVERY_ADDRESS}


def welcome_when_ready(
    say: Callable[[str], None], settings: LauncherSettings, redis_url: str, *, simulated: bool
) -> None:
    """Wait in a thread until the api is ready and has a book, and `say` what can be tried.

    It waits for at most 30 s, and 10 s more for a live book.
    """

    def wait_and_say() -> None:
        if not _becomes_ready(settings.api_host, settings.api_port):
            say(f"the api is not ready after {READY_LIMIT:g} s: its lines above may say why")
            return
        live = _await_live(settings.api_host, settings.api_port)
        say("\n".join(welcome_lines(settings, redis_url, live, simulated=simulated)))

    Thread(target=wait_and_say, name="welcome", daemon=True).start()


def welcome_lines(
    settings: LauncherSettings, redis_url: str, live: Sequence[str], *, simulated: bool
) -> list[str]:
    """Return the address to open and commands to try, ready to be copied, for a book of `live`."""
    port = settings.api_port
    base = f"http://{_shown_host(settings.api_host)}:{port}"
    symbol = _example(settings.selection, live)
    in_path = quote(symbol, safe="")
    lines = [
        f"feed: {'SIMULATED' if simulated else 'live Kraken' if live else 'Kraken'}",
        _books_line(settings.selection, live),
        f"open   {base}",
        f"curl   {base}/symbols",
        f"curl   {base}/depth/{in_path}",
        f"curl -N {base}/stream/{in_path}",
        "make tui" if port == DEFAULT_PORT else f"make tui API_PORT={port}",
        _redis_line(redis_url, symbol),
        "Ctrl-C ends it all",
    ]
    if settings.api_host in _EVERY_ADDRESS:
        lines.insert(3, f"       or port {port} on any other address of this machine")
    return lines


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
    shown = [name for name in selection.names if name in live] or list(live)
    more = len(live) - len(shown[:_MOST_NAMED])
    return f"books: {', '.join(shown[:_MOST_NAMED])}" + (f" and {more} more" if more > 0 else "")


def _shown_host(host: str) -> str:
    if host in _THIS_MACHINE:
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _redis_line(url: str, symbol: str) -> str:
    """How to look into Redis; the URL alone where there is no program for it."""
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


def _await_live(host: str, port: int) -> list[str]:
    """Return the live books, once there are any; none if there are none within 10 s."""
    deadline = time.monotonic() + BOOK_LIMIT
    while not (live := _live_symbols(_EVERY_ADDRESS.get(host, host), port)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return live


def _live_symbols(host: str, port: int) -> list[str]:
    connection = HTTPConnection(host, port, timeout=ANSWER_LIMIT)
    try:
        connection.request("GET", "/books")
        books = json.loads(connection.getresponse().read(MAX_ANSWER_BYTES))
        return [book["symbol"] for book in books if book["status"] == "live"]
    except (OSError, HTTPException, ValueError, TypeError, KeyError):
        return []
    finally:
        connection.close()


def _becomes_ready(host: str, port: int) -> bool:
    deadline = time.monotonic() + READY_LIMIT
    while not is_healthy(_EVERY_ADDRESS.get(host, host), port, "/readyz"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
