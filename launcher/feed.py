"""Choose between live Kraken and simulated markets; only this module ever falls back.

`python -m launcher.feed URL` is the probe, which exits with 0 when Kraken has answered.
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

DESCRIPTION = "Tells whether Kraken's WebSocket v2 at URL answers: whether it sends its status."
EXIT_CODES: ExitCodes = {
    0: "Kraken has answered",
    1: "it cannot be reached; one line on standard output has the reason",
    2: "an argument is invalid",
}
VARIABLES = {
    "HTTPS_PROXY, NO_PROXY": "the proxy for connections to Kraken, and the names without one",
    "SSL_CERT_FILE": "other certificates than the system's",
}


def probe_kraken(url: str, timeout: float = PROBE_TIMEOUT) -> str | None:
    """Return why Kraken cannot be reached at `url`, or None if it answers in time.

    The probe includes name resolution and the proxies of the environment.
    """
    try:
        # In a process, because Python waits at exit for the thread of a resolver that hangs. In
        # its own process group, because Ctrl-C is for this process, which then kills the probe.
        probe = subprocess.run(  # noqa: S603 - this program
            [sys.executable, "-m", "launcher.feed", url],
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
    feed: Feed, kraken_url: str, probe: Callable[[str], str | None] = probe_kraken
) -> bool:
    """Return whether a run uses simulated markets.

    With the feed `auto`, Kraken is probed, and a warning is printed if it cannot be reached.

    Args:
        feed: The setting.
        kraken_url: The URL of Kraken's WebSocket.
        probe: Returns why the URL cannot be reached, or None.
    """
    if feed != "auto":
        return feed == "simulated"
    reason = probe(kraken_url)
    if reason:
        print_warning(
            f"Kraken cannot be reached ({reason}): showing SIMULATED markets."
            " Use make run FEED=live to wait for Kraken."
        )
    return reason is not None


async def await_status(url: str) -> None:
    """Return when Kraken has sent its `status` frame, as it does on every new connection.

    Raises:
        ConnectionError: The connection was closed before.
    """
    # Imported here because only the probe's process needs it.
    from websockets.asyncio.client import connect  # noqa: PLC0415

    async with connect(url, open_timeout=None) as connection:
        async for frame in connection:
            if json.loads(frame).get("channel") == "status":
                return
    raise ConnectionError("the connection was closed without a status")


def main() -> int:
    """Probe the URL of the command line and print why it fails; return the exit code."""
    # Without a timeout, because `probe_kraken` has one.
    parser = OneLineParser("python -m launcher.feed", DESCRIPTION, EXIT_CODES, VARIABLES)
    parser.add_argument("url", metavar="URL", help="such as wss://ws.kraken.com/v2")
    url = parser.parse_args().url
    # Imported here because `--help` does not need it.
    from websockets.exceptions import WebSocketException  # noqa: PLC0415

    try:
        asyncio.run(await_status(url))
    except (OSError, WebSocketException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        sys.stdout.write(" ".join(reason.split()) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
