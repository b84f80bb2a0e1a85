"""Choose between live venues and simulated markets; only this module ever falls back.

`python -m launcher.feed VENUE URL` is the probe, which exits with 0 when the venue has answered.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from launcher.terminal import print_warning
from runtime.command_line import ExitCodes, OneLineParser

if TYPE_CHECKING:
    from launcher.settings import Feed

PROBE_TIMEOUT = 5.0

DESCRIPTION = """\
Tells whether a venue's WebSocket at URL answers. Kraken must send its status; the others send
nothing by themselves, so a handshake is enough."""
EXIT_CODES: ExitCodes = {
    0: "the venue has answered",
    1: "it cannot be reached; one line on standard output has the reason",
    2: "an argument is invalid",
}
VARIABLES = {
    "HTTPS_PROXY, NO_PROXY": "the proxy for connections to the venue, and the names without one",
    "SSL_CERT_FILE": "other certificates than the system's",
}


def probe_venue(venue: str, url: str, timeout: float = PROBE_TIMEOUT) -> str | None:
    """Return why a venue cannot be reached at `url`, or None if it answers in time.

    The probe includes name resolution and the proxies of the environment.
    """
    try:
        # In a process, because Python waits at exit for the thread of a resolver that hangs. In
        # its own process group, because Ctrl-C is for this process, which then kills the probe.
        probe = subprocess.run(  # noqa: S603 - this program
            [sys.executable, "-m", "launcher.feed", venue, url],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            process_group=0,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout:g} s"
    if probe.returncode == 0:
        return None
    output = (probe.stdout + probe.stderr).strip().splitlines()
    return output[-1] if output else f"the probe exited with {probe.returncode}"


def markets_are_simulated(
    feed: Feed, venue: str, url: str, probe: Callable[[str, str], str | None] = probe_venue
) -> bool:
    """Return whether a run uses simulated markets of a venue.

    With the feed `auto`, the venue is probed, and a warning is printed if it cannot be reached.

    Args:
        feed: The setting.
        venue: The venue's name.
        url: The URL of its WebSocket.
        probe: Returns why the URL cannot be reached, or None.
    """
    if feed != "auto":
        return feed == "simulated"
    reason = probe(venue, url)
    if reason:
        name = venue.title()
        print_warning(
            f"{name} cannot be reached ({reason}): showing SIMULATED markets."
            f" Use make run FEED=live to wait for {name}."
        )
    return reason is not None


async def await_answer(venue: str, url: str) -> None:
    """Return when the venue has answered: Kraken with its `status`, another with the handshake.

    Raises:
        ConnectionError: The connection was closed before.
    """
    # Imported here because only the probe's process needs it.
    from websockets.asyncio.client import connect  # noqa: PLC0415

    async with connect(url, open_timeout=None) as connection:
        if venue != "kraken":
            return
        async for frame in connection:
            if json.loads(frame).get("channel") == "status":
                return
    raise ConnectionError("the connection was closed without a status")


def main() -> int:
    """Probe the URL of the command line and print why it fails; return the exit code."""
    # Without a timeout, because `probe_venue` has one.
    parser = OneLineParser("python -m launcher.feed", DESCRIPTION, EXIT_CODES, VARIABLES)
    parser.add_argument("venue", metavar="VENUE", help="such as kraken")
    parser.add_argument("url", metavar="URL", help="such as wss://ws.kraken.com/v2")
    given = parser.parse_args()
    # Imported here because `--help` does not need it.
    from websockets.exceptions import WebSocketException  # noqa: PLC0415

    try:
        asyncio.run(await_answer(given.venue, given.url))
    except (OSError, WebSocketException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        sys.stdout.write(" ".join(reason.split()) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
