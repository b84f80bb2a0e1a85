"""Live or simulated markets: the only place in the project that ever falls back.

`python -m launcher.feed URL` is the probe: it exits with 0 once Kraken has answered there.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from launcher.terminal import shout
from runtime.command_line import OneLineParser

if TYPE_CHECKING:
    from launcher.settings import Feed

PROBE_TIMEOUT = 5.0

WHAT = "Exits with 0 once Kraken's WebSocket v2 at URL has told its status."


def markets_are_simulated(feed: Feed, kraken_url: str) -> bool:
    """Return whether a run shows simulated markets.

    With `auto` that is if Kraken does not answer, and then one loud line says so.
    """
    if feed != "auto":
        return feed == "simulated"
    reason = why_unreachable(kraken_url)
    if reason:
        shout(
            f"Kraken cannot be reached ({reason}): showing SIMULATED markets."
            " make run FEED=live insists."
        )
    return reason is not None


def why_unreachable(url: str, timeout: float = PROBE_TIMEOUT) -> str | None:
    """Return why there is no Kraken at `url`, in a few words; None if it answers in time.

    Name resolution and the proxies of the environment are part of the question.
    """
    try:
        # In a process, because within ours a resolver that hangs could not be given up: Python
        # waits for its thread. Of its own group, because Ctrl-C is for us, who then kill it.
        probe = subprocess.run(  # noqa: S603 - ourselves
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
    return output[-1] if output else f"the probe ended with {probe.returncode}"


async def await_status(url: str) -> None:
    """Return once Kraken's `status` frame has come, with which it greets every connection."""
    # Here, because only the probe's process needs it.
    from websockets.asyncio.client import connect  # noqa: PLC0415

    async with connect(url, open_timeout=None) as connection:
        async for frame in connection:
            if json.loads(frame).get("channel") == "status":
                return
    raise ConnectionError("it closed the connection without a word")


def main() -> int:
    """Ask the URL of the command line; the reason of a failure is the last line printed.

    There is no limit of time: who runs the probe gives it up.
    """
    from websockets.exceptions import WebSocketException  # noqa: PLC0415

    parser = OneLineParser("python -m launcher.feed", description=WHAT)
    parser.add_argument("url", metavar="URL")
    url = parser.parse_args().url
    try:
        asyncio.run(await_status(url))
    except (OSError, WebSocketException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        sys.stdout.write(" ".join(reason.split()) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
