"""What to open and what to try, said once the api is ready."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Callable
from threading import Thread
from urllib.parse import parse_qs, quote, urlsplit

from kraken_book.redis_contract.keys import book_key
from launcher.services import DEFAULT_MARKET
from launcher.settings import LauncherSettings
from service.healthcheck import is_healthy
from service.redis_url import without_password

READY_LIMIT = 30.0

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound
_THIS_MACHINE = {"127.0.0.1", "localhost", *_EVERY_ADDRESS}


def welcome_when_ready(
    say: Callable[[str], None], settings: LauncherSettings, redis_url: str, *, simulated: bool
) -> None:
    """Wait in a thread for the api's /readyz, for at most 30 s, and `say` what can be tried."""

    def wait_and_say() -> None:
        if _becomes_ready(settings.api_host, settings.api_port):
            say("\n".join(welcome_lines(settings, redis_url, simulated=simulated)))
        else:
            say(f"the api is not ready after {READY_LIMIT:g} s: its lines above may say why")

    Thread(target=wait_and_say, name="welcome", daemon=True).start()


def welcome_lines(settings: LauncherSettings, redis_url: str, *, simulated: bool) -> list[str]:
    """The address to open and commands to try, ready to be copied."""
    base = f"http://{_shown_host(settings.api_host)}:{settings.api_port}"
    symbol = next(iter(settings.selection.names), DEFAULT_MARKET)
    in_path = quote(symbol, safe="")
    lines = [
        f"feed: {'SIMULATED' if simulated else 'live Kraken'}",
        f"open   {base}",
        f"curl   {base}/symbols",
        f"curl   {base}/depth/{in_path}",
        f"curl -N {base}/stream/{in_path}",
        _redis_line(redis_url, symbol),
    ]
    if settings.api_host in _EVERY_ADDRESS:
        lines.insert(2, f"       or port {settings.api_port} on any other address of this machine")
    return lines


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


def _becomes_ready(host: str, port: int) -> bool:
    deadline = time.monotonic() + READY_LIMIT
    while not is_healthy(_EVERY_ADDRESS.get(host, host), port, "/readyz"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
